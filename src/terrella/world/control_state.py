"""What was done to a running world by hand: regions held down, links changed, regions added where others had been.

It is kept in ``.terrella/control.json`` for as long as the world runs, so that a region that is started again finds
the links as they are, and a supervisor that was killed leaves a game day as it stands. A clean stop forgets it: a
world that comes up is whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from terrella.kernel import TerrellaError
from terrella.wire.links import Link

_NAME = "control.json"


class _Stored(msgspec.Struct):
    held_down: list[str] = []
    links: dict[str, Link] = {}
    addresses: dict[str, str] = {}


@dataclass(slots=True)
class ControlState:
    """``links`` and ``addresses`` (of regions that run) hold only those that differ from ``world.yaml``."""

    path: Path
    held_down: set[str] = field(default_factory=set)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

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
        return cls(path, set(stored.held_down), links, stored.addresses)

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
        stored = _Stored(sorted(self.held_down), links, self.addresses)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(stored))
        fresh.replace(self.path)

    def forget(self) -> None:
        """The world stops cleanly."""
        self.path.unlink(missing_ok=True)
