"""Small things of the system: files of the kernel, commands, and a journal of what was changed.

Everything that a measurement changes (devices, mounts, settings) is written into the journal before it is done, so
that it can be undone, also after this program was killed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fidelity.errors import FidelityError

FOLDER = Path("/run/rext-measure")
"""Lock, journal and mount point; gone after a restart, as all that it speaks of."""


def read(path: Path) -> str:
    """What a file of the kernel says."""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise FidelityError(f"{path}: cannot be read: {error.strerror}") from None


def write(path: Path, text: str) -> None:
    """Tell the kernel something."""
    try:
        path.write_text(text)
    except OSError as error:
        raise FidelityError(f"{path}: `{text}` cannot be written: {error.strerror}") from None


def run(*command: str) -> str:
    """Run a command; what it prints. Its complaint is the error."""
    if shutil.which(command[0]) is None:
        raise FidelityError(f"there is no {command[0]}: install it")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        complaint = done.stderr.strip() or f"exit status {done.returncode}"
        raise FidelityError(f"{Path(command[0]).name}: {complaint.removeprefix('replay: ')}")
    return done.stdout


class Journal:
    """What must be undone, newest last: devices by number, and settings by path with the values they had."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._file = folder / "journal.json"
        self.devices: list[int] = []
        self.settings: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError, KeyError):
            kept = json.loads(self._file.read_text())
            self.devices, self.settings = list(kept["devices"]), dict(kept["settings"])

    def save(self) -> None:
        """Write it, before what it speaks of is done."""
        self._file.write_text(json.dumps({"devices": self.devices, "settings": self.settings}))

    def set(self, path: Path, value: str, before: str | None = None) -> None:
        """Change a setting; `before` if the file does not give back what it must be told."""
        self.settings.setdefault(str(path), read(path) if before is None else before)
        self.save()
        write(path, value)

    def restore_settings(self) -> None:
        """Give every setting the value it had."""
        for path, value in self.settings.items():
            with contextlib.suppress(FidelityError):
                write(Path(path), value)
        self.settings = {}
        self.save()


@contextlib.contextmanager
def alone(folder: Path = FOLDER) -> Iterator[None]:
    """One measurement at a time: two would disturb each other."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FidelityError("another measurement is under way") from None
        yield
