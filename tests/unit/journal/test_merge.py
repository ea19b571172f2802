"""The merge as a pure function: in any order, grouping and repetition the same state; and it is the right one."""

from functools import reduce
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from terrella.journal import Dot, Version, merge
from terrella.journal.merge import rank
from terrella.journal.vectors import context_beside, covers, has_seen, join, seen_by

WRITERS = ("a", "b", "c")


def merged(versions: list[Version]) -> Version | None:
    state: Version | None = None
    for version in versions:
        state = merge(state, version).version
    return state


def write(writer: str, sequence: int, stored: Version | None, tick: int, value: bytes | None) -> Version:
    """A write as a region makes it: later than what it replaces, having seen all that is stored."""
    dot = Dot(writer, "1", sequence)
    if stored is None:
        return Version(value, dot, tick)
    return Version(value, dot, max(tick, stored.hlc + 1), context_beside(dot, seen_by(stored)))


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """All writes to one key by three regions, some of which had received some of the others' writes, in their order."""
    stored: dict[str, Version | None] = dict.fromkeys(WRITERS)
    written: dict[str, list[Version]] = {writer: [] for writer in WRITERS}
    received = {(to, of): 0 for to in WRITERS for of in WRITERS}
    steps = draw(
        st.lists(st.tuples(st.sampled_from(WRITERS), st.sampled_from(WRITERS), st.integers(0, 5)), max_size=25)
    )
    for writer, other, tick in steps:
        if writer == other:
            value = None if tick == 0 else b"%s %d" % (writer.encode(), len(written[writer]))
            version = write(writer, len(written[writer]) + 1, stored[writer], tick, value)
            stored[writer] = version
            written[writer].append(version)
        elif received[(writer, other)] < len(written[other]):
            stored[writer] = merge(stored[writer], written[other][received[(writer, other)]]).version
            received[(writer, other)] += 1
    return [version for versions in written.values() for version in versions]


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[list[Version], list[Version]]:
    """A history, and the same in another order with repetitions."""
    history = draw(histories())
    again = draw(st.permutations(history))
    return history, again + draw(st.lists(st.sampled_from(history), max_size=5) if history else st.just([]))


@given(shuffled())
def test_any_order_and_repetition_gives_the_same_state(orders: tuple[list[Version], list[Version]]) -> None:
    assert merged(orders[0]) == merged(orders[1])


@given(histories())
def test_the_state_is_the_greatest_write_and_has_seen_all(history: list[Version]) -> None:
    state = merged(history)
    if state is None:
        assert not history
        return
    greatest = max(history, key=rank)
    assert (state.value, state.dot, state.hlc) == (greatest.value, greatest.dot, greatest.hlc)
    assert all(has_seen(state, version.dot) for version in history)
    assert state.dot.origin not in state.context or state.context[state.dot.origin] > state.dot.sequence


@given(histories(), st.data())
def test_states_merge_like_writes(history: list[Version], data: st.DataObject) -> None:
    """Commutative, associative, idempotent, for any three states that replicas may be in."""
    if not history:
        return
    parts = st.lists(st.sampled_from(history), min_size=1, max_size=6)
    one, two, three = (reduce(lambda state, version: merge(state, version).version, data.draw(parts)) for _ in range(3))
    assert merge(one, two).version == merge(two, one).version
    assert merge(merge(one, two).version, three).version == merge(one, merge(two, three).version).version
    assert merge(one, one).version == one
    assert not merge(one, one).changed
    assert merge(one, one).clash is None


@given(histories())
def test_a_conflict_is_found_exactly_where_the_winner_had_not_seen_the_loser(history: list[Version]) -> None:
    for one in history:
        for two in history:
            clash = merge(one, two).clash
            concurrent = not has_seen(one, two.dot) and not has_seen(two, one.dot)
            assert (clash is not None) == concurrent
            if clash is not None:
                assert rank(clash.winner) > rank(clash.loser)
                assert {clash.winner.dot, clash.loser.dot} == {one.dot, two.dot}


@given(histories())
def test_what_has_been_seen_has_no_effect(history: list[Version]) -> None:
    state = merged(history)
    for version in history:
        result = merge(state, version)
        assert result.version == state
        assert not result.changed
        assert result.clash is None


@given(histories())
def test_a_later_write_of_the_same_region_outranks(history: list[Version]) -> None:
    for writer in WRITERS:
        own = [version for version in history if version.dot.region == writer]
        assert all(rank(earlier) < rank(later) for earlier, later in pairwise(own))


vectors = st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("12")), st.integers(1, 5))


@given(vectors, vectors, vectors)
def test_vectors_join(
    one: dict[tuple[str, str], int], two: dict[tuple[str, str], int], three: dict[tuple[str, str], int]
) -> None:
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))
    assert join(one, one) == one
    for (region, incarnation), sequence in one.items():
        assert covers(join(one, two), Dot(region, incarnation, sequence))


def test_a_plain_overwrite_is_no_conflict_and_a_concurrent_one_is() -> None:
    before = write("a", 1, None, 10, b"before")
    after = write("b", 1, before, 10, b"after")
    assert after.hlc == 11
    result = merge(before, after)
    assert result.version == after
    assert result.clash is None
    elsewhere = write("c", 1, before, 20, None)
    result = merge(after, elsewhere)
    assert result.clash is not None
    assert result.clash.loser == after
    assert result.version.value is None
    assert result.version.context == {("a", "1"): 1, ("b", "1"): 1}
