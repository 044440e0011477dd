"""What only a process of its own shows: imports, signals, closed pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "llvmlite", "rich", "pydantic", "matplotlib", "zstandard")


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700, exist_ok=True)
    return {**os.environ, "PYTHONPATH": str(ROOT), "REXT_CACHE": str(cache), "TERM": "xterm", "COLUMNS": "100", **more}


@pytest.mark.parametrize("arguments", [["check", "s3fifo", "--cost"], ["explain"], ["list"], ["test", "tests/reject"]])
def test_commands_that_run_nothing_import_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    script = (
        "import sys; from runtime.cli.main import main\n"
        f"main({arguments!r})\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "runtime.cli.main", "list", "kfuncs"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


class OnTerminal:
    """`rext` with its standard error on a terminal, where it draws its progress."""

    def __init__(self, tmp_path: Path, *arguments: str) -> None:
        self._terminal, inner = os.openpty()
        self._results = tmp_path / "results"  # a file takes any amount while the terminal is being read
        with self._results.open("wb") as results:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runtime.cli.main", *arguments],
                env=environment(tmp_path),
                stdout=results,
                stderr=inner,
            )
        os.close(inner)
        self.shown = b""

    def __enter__(self) -> OnTerminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._terminal)

    def wait_for(self, text: bytes) -> None:
        """Read what is drawn until the text has been."""
        while text not in self.shown:
            if not self._read():
                pytest.fail(f"{text!r} was never shown: {self.shown!r}")

    def interrupt(self) -> bytes:
        """Press Ctrl-C; the results."""
        self.process.send_signal(signal.SIGINT)
        while self._read():
            pass
        self.process.wait()
        return self._results.read_bytes()

    def _read(self) -> bytes:
        try:
            piece = os.read(self._terminal, 4096)
        except OSError:  # nobody has the other end open any more
            piece = b""
        self.shown += piece
        return piece


def test_an_interrupted_comparison_prints_what_it_has(tmp_path: Path) -> None:
    sizes = ",".join(f"{pages}p" for pages in range(1000, 4000))
    with OnTerminal(
        tmp_path, "compare", "fifo", "clock", "--trace", "loop:pages=10K,accesses=1M", "--memory", sizes,
        "--format", "json", "--jobs", "2",
    ) as run:  # fmt: skip
        run.wait_for(b"fifo on loop")
        data = json.loads(run.interrupt())
        assert run.process.wait() == 130
        assert b"interrupted: this is what there was so far" in run.shown
        assert 1 <= len(data["rows"]) < 6000
        pages = [row["memory_pages"] for row in data["rows"]]
        assert pages == sorted(pages)
        assert {row["status"] for row in data["rows"]} <= {"finished", "interrupted"}


def test_interrupted_while_a_trace_is_read(tmp_path: Path) -> None:
    with OnTerminal(tmp_path, "run", "fifo", "--trace", "uniform:pages=1K,accesses=900G", "--memory", "10%") as run:
        run.wait_for(b"reading uniform")
        assert run.interrupt() == b""
        assert run.process.wait() == 130
        assert b"interrupted before anything was run" in run.shown
        assert b"Traceback" not in run.shown


def test_the_second_ctrl_c_ends_the_process_at_once(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from runtime.cli.progress import Interruption\n"
        "with Interruption() as cancelled:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    assert cancelled.wait(60)\n"
        "    print('still here', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    signal.pause()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "still here\n", "")
