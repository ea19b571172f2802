"""Control state as values: the world's regions, and who holds each data set. One version after the other.

::

    a region of the world     ── AddRegion ──> JOINING ── RegionJoined ──> ACTIVE ── RemoveRegion ──> LEAVING
                              its data sets are there: it serves           drained: RegionLeft ──> (removed)
                              any ── EvictRegion ──> (evicted)

    a region of a data set    ── AddReplica ──> joining ── Joined ──> member ── RemoveReplica ──> leaving
                              takes a snapshot                        drained: Drained ──> (gone)
"""

import hashlib
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

# (region, incarnation, sequence), as on the wire.
FlatVector = tuple[tuple[str, str, int], ...]


class RegionStatus(StrEnum):
    """Where a region of the world stands."""

    JOINING = "joining"
    ACTIVE = "active"
    LEAVING = "leaving"


class Standing(StrEnum):
    """What a region is to the world, in one word; ``STRANGER`` was never part of it."""

    JOINING = "joining"
    ACTIVE = "active"
    LEAVING = "leaving"
    EVICTED = "evicted"
    REMOVED = "removed"
    STRANGER = "stranger"


class LinkSettings(msgspec.Struct, frozen=True):
    """What one direction of a link is like, as the world's file has it."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0
    bandwidth_bytes_per_s: float | None = None
    cut: bool = False


class WorldRegion(msgspec.Struct, frozen=True):
    """A region of the world. ``links`` maps ``A -> B`` to what the link is like, for those that it came with."""

    name: str
    ordinal: int
    address: str
    azs: tuple[str, ...]
    parameters: dict[str, str] = {}
    links: dict[str, LinkSettings] = {}
    status: RegionStatus = RegionStatus.ACTIVE


class Former(msgspec.Struct, frozen=True):
    """A region that was part of the world until ``version``."""

    how: Standing
    version: int
    ordinal: int
    address: str


class Eviction(msgspec.Struct, frozen=True):
    """A region that holds a data set no more and may come back with writes that nobody has.

    ``floor`` is what the others held of its records at that time.
    """

    epoch: int
    floor: FlatVector


class ReplicaGroup(msgspec.Struct, frozen=True):
    """Who holds a data set.

    ``members`` hold it whole (``leaving`` are those of them that take no more writes and are being drained);
    ``joining`` are taking their first snapshot. At most one region is joining or leaving at a time, so the members of
    two epochs in a row differ by one region at most. ``sources`` names the member that each joining region takes its
    snapshot from, after that member has taken over what the region has and nobody else: it may have been evicted, or
    have left in order and been given an older disk image since.
    ``identity`` is what its template calls it; ``definition`` is the table's, for regions whose template lacks it.
    ``fixed`` groups (strongly consistent tables) keep the members that they were made with: they can only be evicted,
    and come back.
    """

    id: str
    name: str
    identity: str
    epoch: int
    members: tuple[str, ...]
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    evicted: dict[str, Eviction] = {}
    sources: dict[str, str] = {}
    definition: bytes = b""
    fixed: bool = False

    @property
    def holders(self) -> tuple[str, ...]:
        """Members and joining members."""
        return self.members + self.joining

    @property
    def changing(self) -> str:
        """The change that is under way, in words; empty if there is none."""
        for verb, regions in (("joins", self.joining), ("leaves", self.leaving)):
            if regions:
                return f"{regions[0]} {verb} {self.name}"
        return ""


class MembershipState(msgspec.Struct, frozen=True):
    """One version of control state.

    ``generation`` grows when a change is forced without a majority; ``fork`` is drawn anew then, so that two sides
    which were both forced do not take each other's versions for their own. Of two states the one with the greater
    ``(generation, version)`` is the later. ``born`` is the version that the fork began with.
    ``voters`` are the regions that decide.
    """

    fork: str
    generation: int = 0
    version: int = 0
    born: int = 0
    regions: dict[str, WorldRegion] = {}
    groups: dict[str, ReplicaGroup] = {}
    former: dict[str, Former] = {}

    @property
    def order(self) -> tuple[int, int]:
        """By which two states of one world compare."""
        return (self.generation, self.version)

    @property
    def voters(self) -> tuple[str, ...]:
        """The regions whose majority decides: those that are whole."""
        return tuple(sorted(name for name, one in self.regions.items() if one.status is not RegionStatus.JOINING))

    def later_than(self, other: "MembershipState") -> bool:
        """Whether this one was decided after the other."""
        return self.order > other.order


def first_state(world: str, regions: Iterable[WorldRegion]) -> MembershipState:
    """Version 0, which every region derives alike from the world's file."""
    by_name = {one.name: one for one in sorted(regions, key=lambda one: one.ordinal)}
    identity = "\0".join((world, *sorted(by_name)))
    return MembershipState(hashlib.sha256(identity.encode()).hexdigest()[:16], regions=by_name)


def standing(state: MembershipState, region: str) -> Standing:
    """What a region is to the world."""
    if region in state.regions:
        return Standing(state.regions[region].status.value)
    return state.former[region].how if region in state.former else Standing.STRANGER


def flat(vector: Mapping[tuple[str, str], int]) -> FlatVector:
    """A journal's vector, as control state keeps it."""
    return tuple(sorted((region, incarnation, sequence) for (region, incarnation), sequence in vector.items()))


encode_state = msgspec.json.Encoder(order="deterministic").encode
decode_state = msgspec.json.Decoder(MembershipState).decode
