"""`rext build`: look at any stage of a compilation, or save a policy object.

In: a policy. Out: its syntax tree, IR, LLVM text or assembly, or a policy object. Only an accepted policy is made
into code or an object; the tree and the IR are shown as soon as there are any.
"""

from __future__ import annotations

import argparse
import json
import sys

from dsl import ir
from dsl.render import render_text
from runtime.cli import sources, status
from runtime.cli.output import check_writable, emit, printable, use_color, write_file
from runtime.cli.sources import Subject
from runtime.cli.status import UsageError
from runtime.cli.tree import outline, plain
from runtime.policy_file import OBJECT_SUFFIX

EXAMPLE = "rext build s3fifo --emit ir\n  rext build my_policy.rx -o my_policy.rxo"
STAGES = ("ast", "ir", "llvm", "asm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="P", help="a file (.rx, .rxo), or a name that `rext list` shows")
    parser.add_argument("--emit", choices=STAGES, help="the stage to show")
    parser.add_argument("-o", "--output", metavar="FILE", help="a file to write; FILE.rxo gets the policy object")
    parser.add_argument(
        "--model", choices=("kernel", "ideal"), default="kernel", help="for llvm and asm (default: %(default)s)"
    )
    parser.add_argument(
        "-O", dest="level", choices=("0", "3"), default="3", help="optimisation of llvm and asm (default: %(default)s)"
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="of --emit ast (default: %(default)s)"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="of error messages")


def execute(arguments: argparse.Namespace) -> int:
    output = arguments.output
    as_object = arguments.emit is None and output is not None and output.endswith(OBJECT_SUFFIX)
    if arguments.emit is None and not as_object:
        raise UsageError("nothing to build: name a stage with --emit, or a policy object with `-o FILE.rxo`")
    if arguments.emit is not None and output is not None and output.endswith(OBJECT_SUFFIX):
        raise UsageError(f"-o {output}: a {OBJECT_SUFFIX} file holds a policy object; leave out --emit")
    if arguments.format == "json" and arguments.emit != "ast":
        raise UsageError("--format json is for --emit ast")
    if output is not None:
        check_writable(output)
    subject = sources.read(arguments.policy)
    if not _may_go_on(subject, arguments):
        return status.REJECTED
    result = _stage(subject, arguments)
    if output is not None:
        write_file(output, result)
    else:
        emit(printable(result) if isinstance(result, str) else repr(result))
    return status.SUCCESS


def _may_go_on(subject: Subject, arguments: argparse.Namespace) -> bool:
    """Whether the stage can be had; prints what is wrong if not."""
    found = subject.diagnostics
    if arguments.emit == "ast" and subject.compilation is not None and subject.compilation.ast is not None:
        return True
    if subject.policy is not None and arguments.emit not in ("ast", "ir"):
        from verifier.verify import verify

        found = verify(subject.policy).diagnostics
    if found:
        sys.stderr.write(render_text(found, subject.source, use_color(arguments.color, sys.stderr)))
    return not found


def _stage(subject: Subject, arguments: argparse.Namespace) -> str | bytes:
    if arguments.emit == "ast":
        if subject.compilation is None:
            raise UsageError(f"{subject.title}: a policy object has no syntax tree")
        tree = plain(subject.compilation.ast)
        return json.dumps(tree, indent=2) + "\n" if arguments.format == "json" else "\n".join(outline(tree)) + "\n"
    policy = subject.policy
    assert policy is not None  # without one there were diagnostics
    if arguments.emit == "ir":
        from dsl.ir_text import print_policy

        return print_policy(policy)
    return _native(policy, arguments) if arguments.emit else _object(policy)


def _object(policy: ir.Policy) -> bytes:
    from dsl.policy_object import encode

    return encode(policy)


def _native(policy: ir.Policy, arguments: argparse.Namespace) -> str:
    from runtime.jit import engine
    from runtime.jit.module import Variant
    from runtime.program import module_of

    text, level = module_of([policy], Variant(arguments.model == "ideal")).text, int(arguments.level)
    return engine.assembly(text, level) if arguments.emit == "asm" else str(engine.optimised(text, level))
