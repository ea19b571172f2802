"""Whether this machine gave the world, and the load, the processor time that they wanted.

Everything of a rehearsal shares one machine. Where that was too busy, what failed tells of the machine: the verdict has
to know when that was. Two things are measured, neither of which the application can bring about by being slow or wrong:
how late this process is woken, and for how long the regions' processes were ready to run and had no core.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terrella.kernel import Clock

LATE_S = 0.25
"""Woken so much too late, a client of the load misses what it is to measure."""
WAITED_SHARE = 0.5
"""A region that waited for a core for more of a second than that was more held up than at work."""
_EVERY_S = 0.1
_SLICE_S = 1.0
_NEARBY_S = 1.0
_PROCESSES = Path("/proc")

Span = tuple[float, float]
"""From and until, in seconds."""


@dataclass(frozen=True, slots=True)
class MachineLook:
    """One second, up to ``at_s``: how late this process was woken at worst, and how long the world waited for a core.

    ``waited`` is a share of the second, that of the process that waited longest; None where the system does not tell.
    """

    at_s: float
    late_s: float
    waited: float | None

    def too_busy(self) -> bool:
        """Whether what happened then tells of the machine."""
        return self.late_s > LATE_S or (self.waited or 0.0) > WAITED_SHARE


def region_processes(status: Mapping[str, Any]) -> tuple[int, ...]:
    """The processes of a world's regions on this machine, by its front door's status."""
    return tuple(int(one["pid"]) for one in status.get("regions", ()) if one.get("pid"))


def ran_and_waited_s(pid: int, processes: Path = _PROCESSES) -> tuple[float, float] | None:
    """How long a process has run so far, and been ready to run without a core; None if it is gone, or nobody counts.

    Linux does ("Scheduler Statistics", ``/proc/PID/schedstat``: nanoseconds run, nanoseconds waited, turns).
    """
    try:
        ran, waited, *_ = (processes / str(pid) / "schedstat").read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9
    except (OSError, ValueError):
        return None


def waited_s(pid: int, processes: Path = _PROCESSES) -> float | None:
    """How long a process has been ready to run without a core, so far; None if it is gone, or nobody counts."""
    counted = ran_and_waited_s(pid, processes)
    return None if counted is None else counted[1]


def spans_of(looks: Iterable[MachineLook]) -> list[Span]:
    """When the machine was too busy; what lies less than a second apart is one span."""
    found: list[Span] = []
    for look in looks:
        if not look.too_busy():
            continue
        from_s = max(0.0, look.at_s - max(_SLICE_S, look.late_s))
        if found and from_s <= found[-1][1] + _NEARBY_S:
            found[-1] = (found[-1][0], look.at_s)
        else:
            found.append((from_s, look.at_s))
    return found


def total_s(spans: Sequence[Span]) -> float:
    """All spans together."""
    return sum(until_s - from_s for from_s, until_s in spans)


class MachineWatch:
    """Watches until it is cancelled; ``looks`` are in seconds of ``clock.monotonic``. ``follow`` says whom to watch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waited_s: dict[int, float | None] = {}
        self.looks: list[MachineLook] = []
        self.follow((os.getpid(),))

    def follow(self, pids: Iterable[int]) -> None:
        """These processes from now on, and this one."""
        wanted = {*pids, os.getpid()}
        known = {pid: waited for pid, waited in self._waited_s.items() if pid in wanted}
        self._waited_s = {**{pid: waited_s(pid) for pid in wanted - known.keys()}, **known}

    async def run(self) -> None:
        """A look each second."""
        begun_s = self._clock.monotonic()
        late_s = 0.0
        while True:
            before_s = self._clock.monotonic()
            await asyncio.sleep(_EVERY_S)
            now_s = self._clock.monotonic()
            late_s = max(late_s, now_s - before_s - _EVERY_S)
            if now_s - begun_s >= _SLICE_S:
                self.looks.append(MachineLook(now_s, late_s, self._share(now_s - begun_s)))
                begun_s, late_s = now_s, 0.0

    def _share(self, passed_s: float) -> float | None:
        now = {pid: waited_s(pid) for pid in self._waited_s}
        shares = [
            min(1.0, (later - earlier) / passed_s)
            for earlier, later in ((self._waited_s[pid], later) for pid, later in now.items())
            if earlier is not None and later is not None
        ]
        self._waited_s = now
        return max(shares, default=None)
