"""Whether all replicas of all tables are equal, and if not, which table and keys differ, and what stands in the way.

``World.converged`` answers a ``Convergence``. It is true or false; its ``repr`` is what ``assert world.converged()``
shows, which pytest cuts at 240 characters, so ``explain`` has the whole of it (a failing test's report shows that too).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KEYS_TOLD = 20
KEYS_IN_SHORT = 2
SHORT = 60

Item = Mapping[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """One key that regions hold differently: the item by region, None where there is none."""

    key: Item
    items: Mapping[str, Item | None]

    def __str__(self) -> str:
        held = ", ".join(f"{region} has {_short(item)}" for region, item in self.items.items())
        return f"{_short(self.key)}: {held}"


@dataclass(frozen=True, slots=True)
class TableDifference:
    """One table whose replicas differ. No ``keys`` means that only times of writing or conflict logs differ."""

    table: str
    keys: Sequence[KeyDifference]

    def lines(self) -> list[str]:
        """Each key, as far as there are not too many."""
        if not self.keys:
            return [f"table {self.table}: items are equal, but when they were written, or the conflict logs, differ"]
        found = [f"table {self.table}: {len(self.keys)} {'key differs' if len(self.keys) == 1 else 'keys differ'}"]
        for one in self.keys[:KEYS_TOLD]:
            found.append(f"  {dict(one.key)}")
            found += [
                f"    {region}: {'nothing' if item is None else dict(item)}" for region, item in one.items.items()
            ]
        if len(self.keys) > KEYS_TOLD:
            found.append(f"  and {len(self.keys) - KEYS_TOLD} more")
        return found


@dataclass(frozen=True, slots=True)
class Convergence:
    """True if every region answers and all its replicas equal the others'.

    ``absent`` has the regions that could not be asked, with the reason; ``reasons`` say what else is in the way.
    """

    tables: Sequence[str]
    differences: Sequence[TableDifference] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    reasons: Sequence[str] = ()

    def __bool__(self) -> bool:
        return not self.differences and not self.absent

    def __repr__(self) -> str:
        if self:
            return f"<converged: {', '.join(self.tables) or 'no replicated table'}>"
        parts = [f"{region} is {why}" for region, why in self.absent.items()]
        for one in self.differences:
            more = len(one.keys) - KEYS_IN_SHORT
            told = "; ".join(map(str, one.keys[:KEYS_IN_SHORT])) or "times or conflict logs differ"
            parts.append(f"table {one.table}, {told}" + (f" and {more} more keys" if more > 0 else ""))
        return f"<not converged: {'; '.join([*parts, *self.reasons])}>"

    def explain(self) -> str:
        """All of it, in lines."""
        lines = [f"{region} could not be asked: it is {why}" for region, why in self.absent.items()]
        lines += [line for one in self.differences for line in one.lines()]
        return "\n".join([*lines, *self.reasons])


def compare_items(key_names: Sequence[str], replicas: Mapping[str, Sequence[Item]]) -> list[KeyDifference]:
    """The keys at which the regions' items (plain values) are not all the same, in the order of their keys."""
    by_key = {region: {_key(key_names, item): item for item in items} for region, items in replicas.items()}
    found = []
    for key in sorted({key for held in by_key.values() for key in held}, key=repr):
        items = {region: held.get(key) for region, held in by_key.items()}
        first, *others = items.values()
        if any(other != first for other in others):
            found.append(KeyDifference(dict(zip(key_names, key, strict=True)), items))
    return found


def parts_of(regions: Sequence[str], cut: set[tuple[str, str]]) -> list[frozenset[str]]:
    """The regions in groups that can still reach each other, over others if need be; a link cut one way is no way."""
    left, parts = set(regions), []
    for start in regions:
        if start not in left:
            continue
        part, edge = {start}, [start]
        while edge:
            here = edge.pop()
            near = {there for there in regions if (here, there) not in cut and (there, here) not in cut} - part
            part |= near
            edge += near
        left -= part
        parts.append(frozenset(part))
    return parts


def _key(names: Sequence[str], item: Item) -> Key:
    return tuple(item[name] for name in names)


def _short(item: Item | None) -> str:
    if item is None:
        return "nothing"
    told = ", ".join(f"{name}={value!r}" for name, value in item.items())
    return "{" + (told if len(told) <= SHORT else told[: SHORT - 1] + "…") + "}"
