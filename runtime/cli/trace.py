"""`rext trace`: list, describe, convert and make traces.

In: names of traces. Out: what there is, what is in one, or a file in another format.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from typing import Any

from runtime.cli import status
from runtime.cli.output import check_writable, emit, emit_json, in_columns, note, printable_line
from runtime.cli.parser import add_command, add_output_options
from runtime.cli.progress import ProgressBar
from runtime.cli.status import UsageError
from runtime.traces import commands
from runtime.traces.convert import Converted
from runtime.traces.errors import TraceError
from runtime.traces.summary import TraceSummary

EXAMPLE = "rext trace info mem_gcc"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=type(parser))
    listed = add_command(actions, "list", "the bundled traces, and the kinds that can be made up", "rext trace list")
    info = add_command(actions, "info", "read a trace and count what is in it", "rext trace info mem_gcc --format json")
    info.add_argument("traces", nargs="+", metavar="T", help="a file, a bundled trace, or a made-up one")
    _add_trace_format(info)
    convert = add_command(
        actions, "convert", "write a trace in another format", "rext trace convert requests.csv requests.rxt"
    )
    convert.add_argument("trace", metavar="T", help="a file, a bundled trace, or a made-up one")
    convert.add_argument(
        "output", metavar="FILE", help="where to; the suffix says the format: .rxt .oracleGeneral .csv .txt"
    )
    _add_trace_format(convert)
    synth = add_command(
        actions, "synth", "write a made-up trace", "rext trace synth zipf:alpha=1.0,pages=1M,accesses=10M zipf.rxt"
    )
    synth.add_argument("trace", metavar="SPEC", help="such as loop:pages=20K,accesses=1M; `rext trace list` shows all")
    synth.add_argument("output", metavar="FILE", help="where to; the suffix says the format")
    for writer in (convert, synth):
        writer.add_argument("--to", metavar="FORMAT", help="the format to write, where the suffix does not say it")
        writer.add_argument("--force", action="store_true", help="overwrite the file if it is there")
    for action in (listed, info, convert, synth):
        add_output_options(action)


def _add_trace_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trace-format", metavar="FORMAT", help="the format to read, where it is not found out rightly"
    )


def execute(arguments: argparse.Namespace) -> int:
    action = {"list": _list, "info": _info, "convert": _convert, "synth": _convert}[arguments.action]
    action(arguments)
    return status.SUCCESS


def _list(arguments: argparse.Namespace) -> None:
    bundled, kinds = commands.list_bundled(), commands.list_synthetic()
    if arguments.format == "json":
        emit_json({
            "bundled": [asdict(info) for info in bundled],
            "synthetic": [
                {"kind": kind, "description": text, "options": {name: asdict(o) for name, o in options.items()}}
                for kind, (text, options) in kinds.items()
            ],
        })  # fmt: skip
        return
    traces = [(i.name, f"{i.accesses:,} accesses, {i.pages:,} pages; {i.source}") for i in bundled]
    common = set.intersection(*(set(options) for _, options in kinds.values()))
    made_up = []
    for kind, (text, options) in kinds.items():
        own = ", ".join(f"{name}={option.default}" for name, option in options.items() if name not in common)
        made_up.append((kind, text + (f" ({own})" if own else "")))
    made_up.append(("mix", "several at once: mix:0.7*zipf(pages=100K)+0.3*loop(pages=50K),accesses=10M"))
    every = next(iter(kinds.values()))[1]
    shared = [(name, f"{o.meaning} (default {o.default:,})") for name, o in every.items() if name in common]
    blocks = (
        ("bundled traces:", traces),
        ("made-up traces, as KIND:option=value,...:", made_up),
        ("options of all of them (K, M, G: thousands):", shared),
    )
    emit("\n\n".join("\n".join([title, *in_columns(pairs)]) for title, pairs in blocks))


def _info(arguments: argparse.Namespace) -> None:
    summaries = [commands.info(spec, arguments.trace_format) for spec in arguments.traces]
    if arguments.format == "json":
        emit_json({"traces": [_summary_data(summary) for summary in summaries]})
    else:
        emit("\n\n".join(_summary_text(summary) for summary in summaries))


def _summary_data(summary: TraceSummary) -> dict[str, Any]:
    data = asdict(summary)
    about: dict[str, Any] = data.pop("info")
    for name in ("accesses", "pages", "free_events"):
        about.pop(name)
    return about | data


def _summary_text(summary: TraceSummary) -> str:
    def counted(count: int) -> str:
        return f"{count:,} ({100 * summary.share(count):.1f}%)"

    about = summary.info
    clock = f"a reading every {about.clock_step:,} accesses, in {about.clock_unit}" if "clock" in about.columns else ""
    once = f"{summary.pages_seen_once:,} ({100 * summary.pages_seen_once / summary.pages:.1f}% of the pages)"
    lines = [
        ("trace", about.name),
        ("format", about.format + (f", {about.bytes:,} bytes" if about.bytes else "")),
        ("source", about.source),
        ("accesses", f"{summary.accesses:,}"),
        ("pages", f"{summary.pages:,} distinct" + (f", of {about.page_size:,} bytes" if about.page_size else "")),
        ("seen once", once),
        ("reads", counted(summary.reads)),
        ("writes", counted(summary.writes)),
        ("file", counted(summary.file)),
        ("anonymous", counted(summary.anon)),
        ("mapped", counted(summary.mapped)),
        ("system calls", counted(summary.syscall)),
        ("instructions", counted(summary.exec)),
        ("free events", f"{summary.free_events:,}"),
        ("tenants", f"{summary.tenants:,}"),
        ("clock", clock),
    ]
    return "\n".join(f"{name:<13} {printable_line(value)}" for name, value in lines if value)


def _convert(arguments: argparse.Namespace) -> None:
    if os.path.exists(arguments.output) and not arguments.force:
        raise UsageError(f"{arguments.output}: is there already; --force overwrites it")
    check_writable(arguments.output)
    with ProgressBar() as bar:

        def progress(done: int, total: int | None) -> None:
            bar.loading(arguments.trace, done, total)

        written = _write(arguments, progress)
    if arguments.format == "json":
        emit_json(asdict(written))
    else:
        emit(
            f"{printable_line(written.path)}: {written.format}, {written.accesses:,} accesses, {written.pages:,} pages,"
            f" {os.path.getsize(written.path):,} bytes"
        )
    if written.lost:
        note(f"{written.path}: the format {written.format} has no room for {', '.join(written.lost)}")


def _write(arguments: argparse.Namespace, progress: Any) -> Converted:
    try:
        if arguments.action == "synth":
            return commands.synth(arguments.trace, arguments.output, arguments.to, progress)
        return commands.convert(arguments.trace, arguments.output, arguments.to, progress, arguments.trace_format)
    except OSError as error:
        raise TraceError(arguments.output, 0, f"cannot be written: {error.strerror or error}") from None
