"""An evicted region that went on writing comes back: one member takes over what it wrote, nothing is lost unseen."""

import random
from collections.abc import Iterable

import pytest
from tests.unit.journal.nodes import Cluster, Node

from terrella.journal import DataSet, DataSetEvictedError, DataSetJoiningError, Dot, Event, Lane, Records, Send
from terrella.journal.draining import Drainer
from terrella.journal.model import NOTHING
from terrella.journal.protocol import Drain, DrainStep, Pull
from terrella.journal.pulling import Puller
from terrella.journal.takeover import begin_draining
from terrella.journal.vectors import has_seen

EAST, WEST, NORTH = "us-east-1", "us-west-2", "eu-north-1"
REGIONS = (NORTH, EAST, WEST)
STAYING = (NORTH, EAST)
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)


def by_first_byte(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    del key
    yield "first", value[:1]


class Story:
    """Three members; the west is cut off and evicted, does not hear of it, and goes on writing."""

    def __init__(self, seed: int) -> None:
        self.world = Cluster(seed, REGIONS, 7, by_first_byte)
        self.writes: dict[bytes, list[Dot]] = {}
        for node in self.world.nodes.values():
            node.declare(ITEMS)

    @property
    def chance(self) -> random.Random:
        return self.world.chance

    def node(self, name: str) -> Node:
        return self.world.nodes[name]

    def put(self, name: str, key: bytes, value: bytes | None) -> None:
        node = self.node(name)
        before = self._last(node)
        node.put(key, value)
        if self._last(node) > before:
            self.writes.setdefault(key, []).append(Dot(name, node.store.incarnation, self._last(node)))

    def _last(self, node: Node) -> int:
        return node.data_set.own.applied if node.data_set.own is not None else 0

    def write_somewhere(self, names: Iterable[str]) -> None:
        value = None if self.chance.random() < 0.3 else b"%d" % self.chance.randrange(1000)
        self.put(self.chance.choice(sorted(names)), b"key-%02d" % self.chance.randrange(12), value)

    def evict_the_west(self) -> None:
        for name in STAYING:
            self.world.cut.add(frozenset((WEST, name)))
            self.world.disconnect(WEST, name)
            self.node(name).set_members(2, STAYING)

    def readmit_the_west(self, drainer: str) -> None:
        """Everyone but the west hears that it joins; the west hears it of the drainer."""
        self.world.cut.clear()
        for name in STAYING:
            self.node(name).set_members(3, STAYING, (WEST,))
        node = self.node(drainer)
        node.batch(lambda: begin_draining(node.store, node.data_set, WEST))

    def make_it_a_member(self) -> None:
        self.world.settle(lambda: any(change.event is Event.JOINED for change in self.node(WEST).told))
        assert any(change.event is Event.JOINED for change in self.node(WEST).told)
        self.world.settle(lambda: self.node(EAST).vector() == self.node(NORTH).vector())
        self.nothing_is_lost_unseen()
        for node in self.world.nodes.values():
            node.set_members(4, REGIONS)
        self.world.settle(lambda: self.world.agree(REGIONS))

    def same_everywhere(self) -> None:
        first = self.node(EAST)
        for node in self.world.nodes.values():
            assert node.vector() == first.vector()
            assert node.items() == first.items()
            assert node.digest() == first.digest()
            assert node.conflicts() == first.conflicts()
            assert node.indexed() == [(key, value[:1]) for key, value in node.items()]

    def nothing_is_lost_unseen(self) -> None:
        """Each write that only the west had is covered by what is stored, or in the log; or its next one is."""
        node = self.node(EAST)
        logged = {conflict.loser.dot for conflict in node.conflicts()}
        for key, dots in self.writes.items():
            stored = node.reader.stored(node.data_set, key)
            for dot in dots:
                if dot.region == WEST and dot.sequence > node.vector().get(dot.origin, 0):
                    later = [one for one in dots if one.region == WEST and dots.index(one) >= dots.index(dot)]
                    covered = stored is not None and any(has_seen(stored, one) for one in later)
                    assert covered or logged.intersection(later), (key, dot)


def test_what_wins_is_written_and_what_loses_is_logged() -> None:
    story = Story(1)
    for key in (b"contested", b"untouched", b"deleted", b"newer here"):
        story.put(EAST, key, b"before")
    story.put(WEST, b"shared", b"before")
    story.world.settle(lambda: story.world.agree(REGIONS))
    story.evict_the_west()
    story.world.clock.advance(1)
    story.put(EAST, b"contested", b"from the east")
    story.put(EAST, b"deleted", None)
    story.world.settle(lambda: story.world.agree(STAYING))
    for _ in range(20):
        for name in STAYING:
            story.node(name).keep_house()
        story.world.settle(lambda: False if story.chance.random() < 0.9 else story.world.agree(STAYING))
    assert story.node(EAST).reader.stored(story.node(EAST).data_set, b"deleted") is None, "the tombstone is gone"
    story.put(WEST, b"untouched", b"once")
    story.put(WEST, b"untouched", b"twice")
    story.put(WEST, b"deleted", b"resurrected?")
    story.put(WEST, b"contested", b"from the west")
    story.put(WEST, b"of the west", b"new")
    story.world.clock.advance(1)
    story.put(NORTH, b"newer here", b"from the north")
    story.put(WEST, b"unheard", b"of")
    story.readmit_the_west(NORTH)
    story.make_it_a_member()
    story.same_everywhere()
    assert story.node(NORTH).drained == [WEST]
    assert dict(story.node(WEST).items()) == {
        b"contested": b"from the west",
        b"untouched": b"twice",
        b"newer here": b"from the north",
        b"shared": b"before",
    }
    log = {conflict.key: conflict for conflict in story.node(WEST).conflicts()}
    assert log[b"contested"].loser.value == b"from the east"
    assert log[b"deleted"].winner == NOTHING
    assert log[b"deleted"].loser.value == b"resurrected?"
    assert b"untouched" not in log, "its second write had seen its first"
    assert set(log) == {b"contested", b"deleted", b"of the west", b"unheard"}
    story.nothing_is_lost_unseen()


def test_the_returning_region_refuses_writes_once_it_knows() -> None:
    story = Story(2)
    story.put(EAST, b"a", b"x")
    story.world.settle(lambda: story.world.agree(REGIONS))
    story.evict_the_west()
    story.put(WEST, b"a", b"y")
    story.node(WEST).set_members(2, STAYING)
    with pytest.raises(DataSetEvictedError):
        story.node(WEST).put(b"a", b"z")
    story.node(WEST).disk.execute("rollback")
    story.readmit_the_west(EAST)
    story.node(WEST).set_members(3, STAYING, (WEST,))
    with pytest.raises(DataSetJoiningError):
        story.node(WEST).put(b"a", b"z")
    story.node(WEST).disk.execute("rollback")
    story.make_it_a_member()
    assert dict(story.node(EAST).items()) == {b"a": b"y"}
    story.put(WEST, b"a", b"z")
    story.world.settle(lambda: story.world.agree(REGIONS))
    story.same_everywhere()


def drainer_of_the_west() -> tuple[Drainer, Puller]:
    """The east's, before it has said anything, and its connection to the west."""
    story = Story(3)
    story.put(WEST, b"a", b"x")
    story.world.settle(lambda: story.world.agree(REGIONS))
    story.readmit_the_west(EAST)
    store = story.node(EAST).store
    drainer = Drainer(store, lambda _data_set_id, _origin: 0, lambda _data_set_id, _region: None)
    return drainer, story.world.links[EAST, WEST].puller


def test_what_is_not_answered_is_said_again() -> None:
    """The returning region's disk may have been full when it was told."""
    drainer, puller = drainer_of_the_west()

    def said_at(now: float) -> list[DrainStep]:
        sent = [effect.message for effect in drainer.step(puller, now) if isinstance(effect, Send)]
        return [message.step for message in sent if isinstance(message, Drain)]

    assert said_at(0.0) == [DrainStep.ORDER]
    assert said_at(1.9) == []
    assert said_at(2.1) == [DrainStep.ORDER]
    assert said_at(2.2) == []
    nothing = Drain(ITEMS.id, DrainStep.FINAL, 3, [], [], [], [])
    (done,) = drainer.receive(nothing, 3.0) or ()
    assert isinstance(done, Send)
    assert said_at(4.9) == []
    assert said_at(5.1) == [DrainStep.DONE]


def test_what_the_region_writes_as_a_member_again_is_not_drained() -> None:
    """It may be one before the drainer has heard that all is taken over."""
    drainer, puller = drainer_of_the_west()
    (order,) = (effect for effect in drainer.step(puller, 0.0) if isinstance(effect, Send))
    assert isinstance(order.message, Drain)
    final = Drain(ITEMS.id, DrainStep.FINAL, 3, [], [], [(WEST, "w1", 2)], [])
    (pull,) = drainer.receive(final, 0.0) or ()
    assert isinstance(pull, Send)
    assert pull.message == Pull(ITEMS.id, [], [(WEST, "w1", 0)], [(WEST, "w1")])
    assert drainer.receive(Records(ITEMS.id, WEST, "w1", 1, [b""]), 0.0)
    assert drainer.receive(Records(ITEMS.id, WEST, "w2", 1, [b""]), 0.0) is None


@pytest.mark.parametrize("logged", [0, 1, 2, 3], ids="{} in the log".format)
def test_a_lost_life_of_a_members_that_only_the_region_has_is_taken_over_too(logged: int) -> None:
    """The east's disk was lost, and nobody else had pulled what it wrote last; nor is it all in the west's log."""
    story = Story(4)
    story.put(EAST, b"b", b"y")
    story.put(EAST, b"a", b"x")
    story.world.settle(lambda: story.world.agree(REGIONS))
    story.world.cut.add(frozenset((EAST, NORTH)))
    story.world.disconnect(EAST, NORTH)
    story.world.cut.add(frozenset((WEST, NORTH)))
    story.world.disconnect(WEST, NORTH)
    story.put(EAST, b"a", b"last but one")
    story.put(EAST, b"b", None)
    story.put(EAST, b"a", b"last words")
    story.world.settle(lambda: story.node(WEST).vector() == story.node(EAST).vector())
    story.world.disconnect(EAST, WEST)
    story.node(EAST).lose_disk()
    west = story.node(WEST)
    (lost,) = (stream for stream in west.data_set.streams.values() if stream.region == EAST)
    assert lost.applied > max(3, story.node(NORTH).vector().get(lost.origin, 0))
    west.batch(lambda: west.store.trim(lost, lost.applied - logged))
    for name in STAYING:
        story.node(name).set_members(2, STAYING)
    story.world.cut.discard(frozenset((EAST, NORTH)))
    story.world.cut.add(frozenset((EAST, WEST)))
    story.world.settle(lambda: story.world.agree(STAYING))
    assert dict(story.node(EAST).items()) == {b"a": b"x", b"b": b"y"}
    story.readmit_the_west(NORTH)
    story.make_it_a_member()
    story.same_everywhere()
    assert dict(story.node(EAST).items()) == {b"a": b"last words"}
    assert not story.node(EAST).conflicts(), "each has seen what it replaced"


@pytest.mark.parametrize("seed", range(30))
def test_at_any_interleaving_nothing_is_lost_and_all_agree(seed: int) -> None:
    """Crashes of the drainer and of the drained included."""
    story = Story(seed)
    world, chance = story.world, story.chance
    for _ in range(40):
        story.write_somewhere(REGIONS)
        world.connect()
        for _ in range(chance.randrange(8)):
            world.step()
    story.evict_the_west()
    for _ in range(60):
        story.write_somewhere(REGIONS)
        world.connect()
        for _ in range(chance.randrange(8)):
            world.step()
    story.readmit_the_west(chance.choice(STAYING))
    for _ in range(300):
        world.connect()
        world.step()
        for node in world.nodes.values():
            world.look(node)
        if chance.random() < 0.1:
            story.write_somewhere(STAYING)
        if chance.random() < 0.02:
            world.disconnect(*chance.sample(REGIONS, 2))
        if seed % 3 and chance.random() < 0.02:
            world.crash(chance.choice(REGIONS))
    story.make_it_a_member()
    story.write_somewhere((WEST,))
    world.settle(lambda: world.agree(REGIONS))
    story.same_everywhere()
