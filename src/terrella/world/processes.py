"""Processes by their id and start time: an id alone may be another process's by now.

Each region's process leads a session and a process group of its own, which its workers share. A file
``.terrella/<region>.pid`` names it for as long as it may live, so that one whose supervisor was killed can be found.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from terrella.kernel import SystemClock, TerrellaError

_PROC = Path("/proc")
_SWEPT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process, by its id and the moment at which it started (in the system's own notation)."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord | None":
        """A living process's record; None if there is none of this id."""
        started = _start_time(pid)
        return cls(pid, started) if started is not None else None

    @property
    def alive(self) -> bool:
        """This very process still runs."""
        return _start_time(self.pid) == self.started


def write_record(path: Path, pid: int) -> None:
    """Remember a process that has just been started."""
    record = ProcessRecord.of(pid)
    if record is not None:
        path.write_bytes(msgspec.json.encode(record))


def read_record(path: Path) -> ProcessRecord | None:
    """What was remembered; None if nothing was, or if it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ProcessRecord)
    except (OSError, msgspec.DecodeError):
        return None


def region_records(state_directory: Path) -> Iterator[tuple[str, Path, ProcessRecord]]:
    """The regions' processes that are remembered: name, file, record."""
    for path in sorted(state_directory.glob("*.pid")):
        record = read_record(path)
        if record is not None and path.name != "world.pid":
            yield path.stem, path, record


def signal_group(pid: int, signal_number: int) -> bool:
    """Signal a region's process and all its workers at once; False if none is left."""
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return False
    return True


def freeze(pid: int) -> None:
    """Stop a region's process and its workers where they are: what connects to them hangs."""
    _signal_tree(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let a region's process and its workers go on."""
    _signal_tree(pid, signal.SIGCONT)


def _signal_tree(pid: int, signal_number: int) -> None:
    """The region first: it starts no more workers then. Where there is no ``/proc``, its workers are left alone."""
    signal_group(pid, signal_number)
    for worker in _descendants(pid):
        with suppress(ProcessLookupError):
            os.kill(worker, signal_number)


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    if _PROC.exists():
        for each in _PROC.iterdir():
            fields = _stat(int(each.name)) if each.name.isdigit() else None
            if fields is not None:
                children.setdefault(int(fields[1]), []).append(int(each.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def sweep(record: ProcessRecord) -> bool:
    """Kill what is left of a region whose supervisor is gone; True if anything was.

    Its own process by its start time; workers that outlived it by their session, which nobody else can have had.
    """
    if record.alive or _leaderless_session(record.pid):
        return signal_group(record.pid, signal.SIGKILL)
    return False


def sweep_orphans(state_directory: Path) -> list[str]:
    """Kill the regions that a supervisor has left behind; answers which. Only for the holder of the world's lock."""
    swept = []
    for name, path, record in region_records(state_directory):
        if sweep(record):
            swept.append(name)
            deadline_s = SystemClock().monotonic() + _SWEPT_TIMEOUT_S
            while record.alive:
                if SystemClock().monotonic() > deadline_s:
                    raise TerrellaError(
                        f"could not stop process {record.pid} of {name}, left by an earlier terrella up"
                    )
                time.sleep(0.01)
        path.unlink(missing_ok=True)
    return swept


def _start_time(pid: int) -> str | None:
    if _PROC.joinpath("self", "stat").exists():
        fields = _stat(pid)
        return None if fields is None or fields[0] in ("Z", "X") else fields[19]
    shown = subprocess.run(  # noqa: S603 - fixed arguments and a number
        ["/bin/ps", "-o", "lstart=,state=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    started, _, state = shown.rpartition(" ")
    return None if not shown or state.startswith("Z") else started.strip()


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` from the third (the state) on; the second may hold spaces and brackets."""
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _leaderless_session(pid: int) -> bool:
    if _stat(pid) is not None or not _PROC.exists():
        return False
    members = (_stat(int(each.name)) for each in _PROC.iterdir() if each.name.isdigit())
    return any(fields is not None and fields[2] == fields[3] == str(pid) for fields in members)
