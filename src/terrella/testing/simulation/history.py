"""What happened in a simulated world, as an omniscient and simple-minded observer wrote it down."""

from dataclasses import dataclass, field

from terrella.journal import Dot, Origin, Vector, Version


@dataclass(slots=True)
class Write:
    """One committed write: ``seen`` is all that was applied in its region when it was judged, of every key."""

    key: bytes
    version: Version
    seen: Vector
    acknowledged: bool = False

    def applied(self, other: "Write") -> bool:
        """Whether the other write was applied in this one's region before it."""
        dot = other.version.dot
        return self.seen.get(dot.origin, 0) >= dot.sequence

    @property
    def rank(self) -> tuple[int, str, str, int]:
        """What last-writer-wins goes by."""
        dot = self.version.dot
        return (self.version.hlc, dot.region, dot.incarnation, dot.sequence)


@dataclass(slots=True)
class History:
    """Every committed write, and every record that was ever sent."""

    writes: dict[Dot, Write] = field(default_factory=dict)
    shipped: dict[tuple[Origin, int], bytes] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)

    def committed(self, write: Write) -> None:
        """A write is on a disk."""
        dot = write.version.dot
        if dot in self.writes:
            self.contradictions.append(f"{dot} names two writes: of {self.writes[dot].key!r} and of {write.key!r}")
        self.writes[dot] = write

    def sent(self, origin: Origin, sequence: int, record: bytes) -> None:
        """A record was served."""
        known = self.shipped.setdefault((origin, sequence), record)
        if known != record:
            self.contradictions.append(f"record {sequence} of {origin} was sent with two contents")

    def of_key(self, key: bytes) -> list[Write]:
        """The writes to a key."""
        return [write for write in self.writes.values() if write.key == key]

    def causes(self, key: bytes) -> dict[Dot, set[Dot]]:
        """For each write to a key, those that it has overwritten knowingly: applied there before it, or causes of such.

        Delivery is not causal: a write may arrive, and be overwritten, before one that its own writer had seen.
        """
        causes: dict[Dot, set[Dot]] = {}
        ordered = sorted(self.of_key(key), key=lambda write: write.rank)  # causes come before what they cause
        for number, write in enumerate(ordered):
            known = causes[write.version.dot] = set()
            for earlier in ordered[:number]:
                if write.applied(earlier):
                    known.add(earlier.version.dot)
                    known |= causes[earlier.version.dot]
        return causes

    @property
    def keys(self) -> set[bytes]:
        """Every key that was ever written."""
        return {write.key for write in self.writes.values()}
