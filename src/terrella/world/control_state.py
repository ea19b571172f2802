"""What was done to a running world by hand: regions held down, links changed, faults, regions added for others.

It is kept in ``.terrella/control.json`` for as long as the world runs, so that a region that is started again finds
the links as they are, and a supervisor that was killed leaves a game day as it stands. A clean stop forgets it: a
world that comes up is whole.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from terrella.kernel import TerrellaError
from terrella.wire.links import Link

_NAME = "control.json"


KILL, PAUSE, LINK = "kill", "pause", "link"
"""The kinds of fault that are the supervisor's own to do; all others are done by the regions."""


class FaultRecord(msgspec.Struct, frozen=True):
    """A fault that is active: ``regions`` that do it (none: all), and when its lease ends (milliseconds since 1970)."""

    id: str
    kind: str
    since_ms: int
    parameters: dict[str, Any] = {}
    regions: list[str] = []
    expires_ms: int | None = None

    @property
    def region(self) -> str:
        """The region that is killed or paused."""
        return str(self.parameters["region"])

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The directions of the link that are changed."""
        return [(a, b) for a, b in self.parameters["pairs"]]

    def is_for(self, region: str) -> bool:
        """Whether a region has to do it."""
        return self.kind not in (KILL, PAUSE, LINK) and (not self.regions or region in self.regions)

    def concerns(self, region: str) -> bool:
        """Whether nothing would be left of it without the region."""
        if self.kind == LINK:
            return all(region in pair for pair in self.pairs)
        return self.region == region if self.kind in (KILL, PAUSE) else self.regions == [region]


class _Stored(msgspec.Struct):
    held_down: list[str] = []
    links: dict[str, Link] = {}
    addresses: dict[str, str] = {}
    faults: list[FaultRecord] = []


@dataclass(slots=True)
class ControlState:
    """``links`` and ``addresses`` (of regions that run) hold only those that differ from ``world.yaml``.

    ``faults`` are in the order in which they were injected; a later one is laid over an earlier one.
    """

    path: Path
    held_down: set[str] = field(default_factory=set)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    faults: list[FaultRecord] = field(default_factory=list)

    @classmethod
    def load(cls, state_directory: Path) -> "ControlState":
        """Read it; a world to which nothing was done has no file."""
        path = state_directory / _NAME
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        except FileNotFoundError:
            return cls(path)
        except msgspec.DecodeError as error:
            raise TerrellaError(f"found {path} damaged ({error}), expected what terrella wrote; delete it") from error
        links = {}
        for pair, link in stored.links.items():
            from_region, _, to_region = pair.partition(" -> ")
            links[from_region, to_region] = link
        return cls(path, set(stored.held_down), links, stored.addresses, stored.faults)

    def link(self, pair: tuple[str, str], usual: Link) -> Link:
        """One direction as it is now: as changed by hand, with the faults over it."""
        link = self.links.get(pair, usual)
        for fault in self.faults:
            if fault.kind == LINK and pair in fault.pairs:
                link = replace(link, **fault.parameters["changes"])
        return link

    def done_to(self, kind: str, region: str) -> bool:
        """Whether a fault has killed or paused a region."""
        return any(fault.kind == kind and fault.region == region for fault in self.faults)

    def keep_faults(self, regions: Iterable[str], now_ms: int) -> None:
        """Drop those whose lease has ended, and those of regions that are gone: nobody was there to end them."""
        known = set(regions)
        self.faults = [
            fault
            for fault in self.faults
            if (fault.expires_ms is None or fault.expires_ms > now_ms) and named_in(fault) <= known
        ]

    def set_link(self, from_region: str, to_region: str, link: Link, usual: Mapping[tuple[str, str], Link]) -> None:
        """Remember a link, or forget it if it is as usual again."""
        pair = (from_region, to_region)
        if usual.get(pair) == link:
            self.links.pop(pair, None)
        else:
            self.links[pair] = link

    def save(self) -> None:
        """Write it whole or not at all."""
        links = {f"{a} -> {b}": link for (a, b), link in sorted(self.links.items())}
        stored = _Stored(sorted(self.held_down), links, self.addresses, self.faults)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(stored))
        fresh.replace(self.path)

    def forget(self) -> None:
        """The world stops cleanly."""
        self.path.unlink(missing_ok=True)


def named_in(fault: FaultRecord) -> set[str]:
    """Every region that a fault names."""
    if fault.kind == LINK:
        return {name for pair in fault.pairs for name in pair}
    return {fault.region} if fault.kind in (KILL, PAUSE) else set(fault.regions)
