"""From whom each origin's records are pulled: a pure choice, told line by line and by chance."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.journal import DataSet, Lane, Origin, Sources, Vector
from terrella.journal import sources as module
from terrella.journal.sources import NOTHING, Offer

REGIONS = ("A", "B", "C", "D")
ITEMS = "items"


class FakeHoldings:
    """Region A: what it holds of one data set."""

    region = "A"
    incarnation = "a2"

    def __init__(self, held: dict[Origin, int] | None = None, members: tuple[str, ...] = REGIONS) -> None:
        self.held: dict[Origin, int] = held or {}
        self.definition = DataSet(ITEMS, ITEMS, Lane.ASYNC, members)
        self.declared = True

    def definitions(self) -> Mapping[str, DataSet]:
        return {ITEMS: self.definition} if self.declared else {}

    def vectors(self, peer: str) -> Mapping[str, Vector]:
        return {ITEMS: self.held} if self.declared and peer in self.definition.holders else {}

    cursors = vectors

    def unpulled(self) -> frozenset[str]:
        return frozenset()

    def clock_ms(self) -> int:
        return 0


class World:
    """Sources, and a clock."""

    def __init__(self, holdings: FakeHoldings | None = None) -> None:
        self.holdings = holdings or FakeHoldings()
        self.sources = Sources(self.holdings)
        self.offers: dict[str, Offer] = {}
        self.now = 0.0
        self.sources.review(0.0)

    def connect(self, peer: str, heads: dict[Origin, int] | None = None, incarnation: str = "") -> Offer:
        offer = self.offers[peer] = Offer(peer, incarnation or f"{peer.lower()}1", self.now)
        if heads is not None:
            offer.heads[ITEMS] = heads
        self.sources.join(offer)
        self.review()
        return offer

    def lose(self, peer: str) -> None:
        self.sources.leave(self.offers.pop(peer), self.now)
        self.review()

    def says(self, peer: str, heads: dict[Origin, int]) -> None:
        self.offers[peer].heads[ITEMS] = heads
        self.sources.heard([ITEMS])
        self.review()

    def refuses(self, peer: str, origin: Origin, floor: int) -> None:
        self.offers[peer].floors[ITEMS, origin] = floor
        self.sources.heard([ITEMS])
        self.review()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.now += 0.1
            self.review()

    def review(self) -> None:
        self.sources.review(self.now)

    @property
    def regions(self) -> dict[str, str]:
        return dict(self.sources.choices[ITEMS].regions)

    @property
    def lives(self) -> dict[Origin, str]:
        return dict(self.sources.choices[ITEMS].lives)


def test_a_connected_region_is_its_own_source() -> None:
    world = World()
    for peer in "BCD":
        world.connect(peer, {("B", "b1"): 5, ("C", "c1"): 9})
    assert world.regions == {"B": "B", "C": "C", "D": "D"}
    assert world.lives == {}
    assert world.sources.wanted("B", ITEMS) == (("B",), ())


def test_one_that_is_away_is_relayed_after_a_moment_by_whoever_holds_most() -> None:
    world = World()
    world.connect("B", {("D", "d1"): 5})
    world.connect("C", {("D", "d1"): 9})
    assert "D" not in world.regions, "it may come yet"
    world.wait(1)
    assert world.regions == {"B": "B", "C": "C", "D": "C"}
    assert world.sources.via("D") == "C"
    assert world.sources.via("B") is None
    assert world.sources.heads(ITEMS, "D") == {("D", "d1"): 9}


def test_ties_go_by_name_and_the_choice_is_kept() -> None:
    world = World()
    world.connect("C", {("D", "d1"): 9})
    world.connect("B", {("D", "d1"): 9})
    world.wait(1)
    assert world.regions["D"] == "B"
    revision = world.sources.revision
    world.says("C", {("D", "d1"): 500})
    world.wait(3)
    assert world.regions["D"] == "B", "a few records are no reason to change"
    assert (("D", "d1"), "C") not in world.lives.items()
    assert world.sources.revision == revision
    world.says("C", {("D", "d1"): 5000})
    assert world.regions["D"] == "B"
    world.wait(3)
    assert world.regions["D"] == "C"


def test_a_relay_that_lacks_what_another_has_is_helped_by_it() -> None:
    world = World(FakeHoldings({("D", "d1"): 9}))
    world.connect("B", {("D", "d1"): 9})
    world.connect("C", {("D", "d1"): 9})
    world.wait(1)
    world.says("C", {("D", "d1"): 10})
    assert world.lives == {}
    world.wait(2)
    assert world.regions["D"] == "B"
    assert world.lives == {("D", "d1"): "C"}
    world.says("B", {("D", "d1"): 10})
    assert world.lives == {}, "now it has it too"


def test_one_that_comes_back_is_its_own_source_again_once_it_has_stayed() -> None:
    world = World()
    world.connect("B", {})
    world.wait(1)
    assert world.regions["D"] == "B"
    world.connect("D", {})
    assert world.regions["D"] == "B"
    world.wait(1.2)
    assert world.regions["D"] == "D"


def test_a_link_that_flaps_is_trusted_less_and_less() -> None:
    world = World()
    world.connect("B", {})
    world.wait(1)
    changes = []
    for _ in range(60):
        before = world.sources.revision
        world.connect("D", {})
        world.wait(2)
        world.lose("D")
        world.wait(1)
        changes.append(world.sources.revision - before)
    assert sum(changes) <= 4
    assert world.regions["D"] == "B"
    world.connect("D", {})
    world.wait(module.RETURN_AFTER_MAX_S + 1)
    assert world.regions["D"] == "D"


def test_one_that_came_back_with_what_no_relay_has_is_asked_soon_however_often_it_went() -> None:
    """B and C would else relay D for each other, and wait for what neither has got until D has stayed for long."""
    world = World(FakeHoldings({("D", "d1"): 1}))
    for peer in ("B", "C", "D"):
        world.connect(peer, {("D", "d1"): 1})
    for _ in range(6):
        world.lose("D")
        world.wait(1)
        world.connect("D", {("D", "d1"): 1})
    assert world.regions["D"] == "B"
    world.says("D", {("D", "d1"): 2})
    assert world.regions["D"] == "B"
    world.wait(module.LACKING_S + 0.2)
    assert world.regions["D"] == "D"


def test_a_short_absence_changes_nothing_else() -> None:
    world = World()
    world.connect("B", {})
    world.connect("D", {})
    world.lose("D")
    world.wait(0.3)
    assert "D" not in world.regions
    world.connect("D", {})
    assert world.regions["D"] == "D"


def test_own_earlier_lives_come_from_whoever_holds_more_and_the_present_one_from_nobody() -> None:
    world = World(FakeHoldings({("A", "a0"): 7, ("A", "a2"): 3}))
    world.connect("B", {("A", "a0"): 7, ("A", "a1"): 4, ("A", "a2"): 99})
    world.connect("C", {("A", "a0"): 8, ("A", "a1"): 6})
    assert world.lives == {("A", "a1"): "B", ("A", "a0"): "C"}
    assert "A" not in world.regions
    assert world.sources.wanted("B", ITEMS) == (("B",), (("A", "a1"),))
    world.holdings.held[("A", "a1")] = 4
    world.wait(0.1)
    assert world.lives == {("A", "a1"): "C", ("A", "a0"): "C"}, "C holds more of it than B"
    world.holdings.held.update({("A", "a0"): 8, ("A", "a1"): 6})
    world.wait(0.1)
    assert world.lives == {}


def test_an_earlier_life_that_its_own_region_lost_comes_from_a_survivor() -> None:
    world = World()
    world.connect("B", {("D", "d0"): 12})
    world.connect("D", {("D", "d1"): 4}, incarnation="d1")
    assert world.regions["D"] == "D"
    world.wait(1.5)
    assert world.lives == {("D", "d0"): "B"}


def test_what_a_region_has_trimmed_comes_by_relay_until_its_log_is_reached() -> None:
    world = World(FakeHoldings({("D", "d1"): 2}))
    world.connect("B", {("D", "d1"): 20})
    world.connect("D", {("D", "d1"): 30}, incarnation="d1")
    assert world.lives == {}
    world.refuses("D", ("D", "d1"), 10)
    assert (world.regions["D"], world.lives) == ("D", {("D", "d1"): "B"})
    assert world.sources.snapshot_needed == {}
    world.holdings.held[("D", "d1")] = 9
    world.wait(0.2)
    assert (world.regions["D"], world.lives) == ("D", {})


def test_what_nobody_can_serve_needs_a_snapshot_of_a_member() -> None:
    holdings = FakeHoldings(members=("A", "B", "C"))
    holdings.definition = DataSet(ITEMS, ITEMS, Lane.ASYNC, ("A", "B", "C"), ("D",))
    world = World(holdings)
    for peer, head in (("B", 20), ("C", 25), ("D", 30)):
        world.connect(peer, {("B", "b0"): head})
    for peer in "BC":
        world.refuses(peer, ("B", "b0"), 15)
    assert world.lives == {}, "D only joins: nothing is taken from it, neither records nor a snapshot"
    assert world.sources.snapshot_needed == {ITEMS: "C"}, "the member that holds most"
    world.holdings.held[("B", "b0")] = 14
    world.wait(0.1)
    assert world.sources.snapshot_needed == {}


def test_whoever_is_not_connected_has_a_chance_before_a_snapshot_is_needed() -> None:
    world = World()
    world.connect("B", {("B", "b1"): 20})
    world.connect("C", {("B", "b1"): 20})
    for peer in "BC":
        world.refuses(peer, ("B", "b1"), 15)
    world.wait(1)
    assert world.sources.snapshot_needed == {}
    world.wait(module.SNAPSHOT_PATIENCE_S)
    assert world.sources.snapshot_needed == {ITEMS: "B"}


def test_a_relay_that_only_promises_is_left() -> None:
    """It may claim what it likes: then it is the source until nothing comes of it."""
    world = World()
    world.connect("B", {("D", "d1"): 1 << 39})
    world.connect("C", {("D", "d1"): 5})
    world.wait(1)
    assert world.regions["D"] == "B"
    world.wait(module.STALLED_S + 1)
    assert world.regions["D"] == "C"
    world.holdings.held[("D", "d1")] = 5
    world.wait(2)
    assert world.regions["D"] == "C"


def test_a_stopped_region_is_pulled_from_nobody() -> None:
    world = World()
    world.connect("B", {("D", "d1"): 5, ("D", "d0"): 5})
    world.wait(2)
    world.sources.stop(ITEMS, "D", "format 2")
    world.wait(2)
    assert world.regions == {"B": "B", "C": "B"}
    assert world.lives == {}
    world.sources.resume(ITEMS, "D")
    world.review()
    assert world.regions["D"] == "B"


def test_only_holders_relay_and_changes_of_membership_count_at_once() -> None:
    world = World(FakeHoldings(members=("A", "B", "D")))
    world.connect("C", {("D", "d1"): 50})
    world.connect("B", {("D", "d1"): 5})
    world.wait(1)
    assert world.regions == {"B": "B", "D": "B"}
    world.holdings.definition = DataSet(ITEMS, ITEMS, Lane.ASYNC, ("A", "C"), epoch=2)
    world.review()
    assert world.regions == {"C": "C", "D": "C"}, "the records of one that has left are still somebody's"
    assert world.sources.wanted("B", ITEMS) == NOTHING
    world.offers["C"].excluded[ITEMS] = 3
    world.sources.heard([ITEMS])
    world.review()
    assert world.regions == {}
    world.holdings.declared = False
    world.review()
    assert world.sources.choices == {}


VECTORS = st.dictionaries(
    st.tuples(st.sampled_from(REGIONS), st.sampled_from(["x0", "x1", "a2"])), st.integers(1, 30), max_size=6
)


@given(
    own=VECTORS,
    heads=st.dictionaries(st.sampled_from("BCD"), VECTORS, max_size=3),
    floors=st.dictionaries(
        st.tuples(st.sampled_from("BCD"), st.sampled_from(REGIONS), st.sampled_from(["x0", "x1"])),
        st.integers(1, 30),
        max_size=4,
    ),
)
def test_whatever_is_held_somewhere_and_can_be_served_is_asked_for(
    own: dict[Origin, int],
    heads: dict[str, dict[Origin, int]],
    floors: dict[tuple[str, str, str], int],
) -> None:
    """Beside the clever choice, a simple check: no need is left out, none is asked of one who cannot, all is stable."""
    world = World(FakeHoldings(own))
    for peer, vector in heads.items():
        world.connect(peer, vector, incarnation="x1")
    for (peer, region, life), floor in floors.items():
        if peer in heads:
            world.refuses(peer, (region, life), floor)
    world.wait(4)
    for origin in {origin for vector in heads.values() for origin in vector}:
        cursor = own.get(origin, 0)
        able = {peer for peer in heads if world.offers[peer].gives(ITEMS, origin, cursor)}
        asked = {source for source in (world.regions.get(origin[0]), world.lives.get(origin)) if source}
        if origin == ("A", "a2"):
            assert not asked
        elif origin[1] == "x1" and origin[0] in heads and origin[0] not in able and heads[origin[0]].get(origin, 0):
            assert origin[0] in asked or able & asked or not able
        elif origin[0] in heads and origin[1] == "x1":
            assert origin[0] in asked, "the region itself knows best what it holds"
        elif able:
            assert able & asked, (origin, able, asked)
    assert not any(source == region and source not in heads for region, source in world.regions.items())
    revision = world.sources.revision
    world.wait(1)
    assert world.sources.revision == revision


@pytest.mark.parametrize("peer", ["B", "C"])
def test_an_old_connection_that_ends_late_takes_nothing_away(peer: str) -> None:
    world = World()
    old = world.connect(peer, {})
    world.connect(peer, {})
    world.sources.leave(old, world.now)
    world.review()
    assert world.regions[peer] == peer
