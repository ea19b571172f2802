"""What must hold of a world that has healed; named after the rules of replication that they check.

Each answers the violations that it finds, as sentences; none means that all is well.
"""

from collections.abc import Iterator
from typing import Protocol

from terrella.journal import Conflict, Dot, Vector, Version
from terrella.testing.simulation.history import History


class Replica(Protocol):
    """A region as the checkers see it."""

    name: str

    def stored(self, key: bytes) -> Version | None:
        """What is stored at a key, a tombstone included."""
        ...

    def conflicts(self) -> list[Conflict]:
        """The conflict log."""
        ...

    def digest(self) -> str:
        """Everything that is stored, as a hash."""
        ...

    def vector(self) -> Vector:
        """What is applied."""
        ...


class Checker(Protocol):
    """One rule."""

    def violations(self, history: History, replicas: list[Replica]) -> Iterator[str]:
        """What is wrong."""
        ...


class Durability:
    """I1: every acknowledged write is, on every member, current, covered by what is current, or in the conflict log."""

    def violations(self, history: History, replicas: list[Replica]) -> Iterator[str]:
        """Acknowledged writes that are lost without a trace."""
        for replica in replicas:
            logged = {conflict.loser.dot for conflict in replica.conflicts()}
            for dot, write in history.writes.items():
                if not write.acknowledged or dot in logged:
                    continue
                stored = replica.stored(write.key)
                if stored is None or not _covers(stored, dot):
                    yield f"I1: the acknowledged write {_name(dot)} of {write.key!r} is lost in {replica.name}"


class Convergence:
    """I2: replicas are equal byte for byte, and hold the maximum over all writes to each key."""

    def violations(self, history: History, replicas: list[Replica]) -> Iterator[str]:
        """Replicas that differ from each other or from the oracle."""
        first = replicas[0]
        for replica in replicas[1:]:
            if replica.vector() != first.vector():
                yield f"I2: {replica.name} and {first.name} have not applied the same"
            elif replica.digest() != first.digest():
                yield f"I2: {replica.name} and {first.name} have applied the same and differ"
        for key in sorted(history.keys):
            expected = max(history.of_key(key), key=lambda write: write.rank).version
            for replica in replicas:
                stored = replica.stored(key)
                if stored is None or (stored.dot, stored.hlc, stored.value) != (
                    expected.dot,
                    expected.hlc,
                    expected.value,
                ):
                    found = "nothing" if stored is None else _name(stored.dot)
                    yield f"I2: {replica.name} holds {found} at {key!r}; the maximum is {_name(expected.dot)}"


class ConflictLog:
    """I4: a write that its key's final version has not seen is in every log, or seen by one that is.

    No entry is false: its loser was truly unseen by its winner.
    """

    def violations(self, history: History, replicas: list[Replica]) -> Iterator[str]:
        """Writes that were overwritten unseen and unlogged, and entries whose loser was seen."""
        causes = {dot: known for key in history.keys for dot, known in history.causes(key).items()}
        for replica in replicas:
            entries = {conflict.loser.dot: conflict for conflict in replica.conflicts()}
            for conflict in entries.values():
                yield from self._false_entry(history, causes, replica, conflict)
            for key in sorted(history.keys):
                writes = history.of_key(key)
                final = max(writes, key=lambda write: write.rank).version.dot
                accounted = {final} | causes[final]
                for write in writes:
                    if write.version.dot in entries:
                        accounted |= {write.version.dot} | causes[write.version.dot]
                for dot in sorted({write.version.dot for write in writes} - accounted, key=_name):
                    yield f"I4: {_name(dot)} of {key!r} lost unseen, and {replica.name} has no entry"

    def _false_entry(
        self, history: History, causes: dict[Dot, set[Dot]], replica: Replica, conflict: Conflict
    ) -> Iterator[str]:
        loser, winner = history.writes[conflict.loser.dot], history.writes[conflict.winner.dot]
        names = f"{_name(conflict.loser.dot)} as unseen by {_name(conflict.winner.dot)}"
        if conflict.loser.dot in causes[conflict.winner.dot] or loser.rank > winner.rank:
            yield f"I4: {replica.name} logs {names}"
        if (conflict.loser.value, conflict.winner.value) != (loser.version.value, winner.version.value):
            yield f"I4: {replica.name} logs {names}, with other values than were written"


class Dots:
    """I3, in part: no dot ever names two contents."""

    def violations(self, history: History, replicas: list[Replica]) -> Iterator[str]:
        """What the observer found contradictory."""
        yield from history.contradictions


def _covers(version: Version, dot: Dot) -> bool:
    if version.dot.origin == dot.origin and version.dot.sequence >= dot.sequence:
        return True
    return version.context.get(dot.origin, 0) >= dot.sequence


def _name(dot: Dot) -> str:
    return f"{dot.region}/{dot.incarnation[:4]}#{dot.sequence}"
