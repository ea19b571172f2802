"""The state machine of control state, by what must hold after any commands in any order, and by its stories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.region.membership import (
    AddRegion,
    AddReplica,
    Command,
    Drained,
    EvictRegion,
    Forget,
    Joined,
    MembershipState,
    RefusedError,
    RegionJoined,
    RegionLeft,
    RegionStatus,
    Register,
    RemoveRegion,
    RemoveReplica,
    Standing,
    WorldRegion,
    apply,
    decode_command,
    decode_state,
    encode_command,
    encode_state,
    first_state,
    force,
    standing,
)
from terrella.region.membership.keeper import supersedes

A, B, C, D = "us-east-1", "us-west-2", "eu-west-1", "ap-south-1"
NAMES = (A, B, C, D)
T, U = "t" * 24, "u" * 24


def region(name: str) -> WorldRegion:
    number = NAMES.index(name) + 1
    return WorldRegion(name, number, f"127.0.{number}.1", (f"{name}a",))


def add(name: str) -> AddRegion:
    one = region(name)
    return AddRegion(name, one.ordinal, one.address, one.azs)


def after(state: MembershipState, *commands: Command) -> MembershipState:
    for command in commands:
        state = apply(state, command)
    return state


def refusal(state: MembershipState, command: Command) -> str:
    with pytest.raises(RefusedError) as caught:
        apply(state, command)
    return str(caught.value)


TWO = first_state("w", [region(A), region(B)])
WITH_TABLE = after(TWO, Register(T, "items", (B, A)))
THREE_HOLD = after(WITH_TABLE, add(C), AddReplica(T, C), Joined(T, C), RegionJoined(C))

names = st.sampled_from(NAMES)
tables = st.sampled_from((T, U))
commands: st.SearchStrategy[Command] = st.one_of(
    names.map(add),
    names.map(RegionJoined),
    names.map(RemoveRegion),
    names.map(RegionLeft),
    st.builds(EvictRegion, names, st.just({T: ((A, "one", 7),)}), st.booleans()),
    st.builds(Register, tables, st.just("items"), st.lists(names, min_size=1, unique=True).map(tuple)),
    st.builds(Forget, tables, names),
    st.builds(AddReplica, tables, names, st.one_of(st.just(""), names)),
    st.builds(Joined, tables, names),
    st.builds(RemoveReplica, tables, names),
    st.builds(Drained, tables, names),
)


@given(st.lists(commands, max_size=60))
def test_what_always_holds(asked: list[Command]) -> None:
    """No two memberships of one epoch, one region at a time, never an empty one, a joining region never counts."""
    state = TWO
    memberships: dict[tuple[str, int, int], object] = {}
    lives: dict[str, int] = {}
    for command in asked:
        before = state
        try:
            state = apply(before, command)
        except RefusedError:
            continue
        assert state.version == before.version + (state is not before)
        assert decode_state(encode_state(state)) == state
        assert decode_command(encode_command(command)) == command
        assert apply(state, command) is state, "asked for again, it is so already"
        for group in state.groups.values():
            earlier = before.groups.get(group.id)
            if earlier is None:
                lives[group.id] = lives.get(group.id, 0) + 1
            seen = memberships.setdefault((group.id, lives[group.id], group.epoch), (group.members, group.joining))
            assert seen == (group.members, group.joining)
            assert group.members
            assert list(group.members) == sorted(set(group.members))
            assert not set(group.members) & set(group.joining)
            assert set(group.leaving) <= set(group.members)
            assert set(group.leaving) != set(group.members)
            assert len(group.joining) + len(group.leaving) <= 1
            assert not set(group.evicted) & set(group.members)
            assert set(group.sources) == set(group.joining)
            assert set(group.sources.values()) <= set(group.members)
            assert set(group.holders) <= set(state.regions)
            if earlier is not None and earlier is not group:
                assert group.epoch == earlier.epoch + 1
                assert len(set(group.members) ^ set(earlier.members)) <= 1, "two majorities would not overlap"
                if set(group.members) - set(earlier.members):
                    assert isinstance(command, Joined)
        assert not set(state.regions) & set(state.former)
        assert all(state.regions[name].status is not RegionStatus.JOINING for name in state.voters)
        assert state.voters


def test_version_0_is_the_same_in_every_region() -> None:
    assert first_state("w", [region(B), region(A)]) == TWO
    assert first_state("w", [region(A)]).fork != TWO.fork
    assert (TWO.version, TWO.voters) == (0, (A, B))


def test_a_region_joins_a_world_with_data() -> None:
    state = after(WITH_TABLE, add(C))
    assert standing(state, C) is Standing.JOINING
    assert state.voters == (A, B)
    assert after(state, RegionJoined(C)).voters == tuple(sorted((A, B, C))), "with nothing to hold it is whole"
    state = apply(state, AddReplica(T, C, B))
    group = state.groups[T]
    assert (group.members, group.joining, group.sources) == ((A, B), (C,), {C: B})
    assert refusal(state, RegionJoined(C)) == "eu-west-1 is not ready: it is still joining items"
    state = after(state, Joined(T, C), RegionJoined(C))
    assert state.groups[T].members == tuple(sorted((A, B, C)))
    assert state.voters == tuple(sorted((A, B, C)))


def test_one_change_of_a_data_set_at_a_time() -> None:
    state = after(WITH_TABLE, add(C), add(D), AddReplica(T, C))
    busy = "eu-west-1 joins items: one change of it at a time"
    assert refusal(state, AddReplica(T, D)) == busy
    assert refusal(state, RemoveReplica(T, A)) == busy
    assert after(state, RemoveReplica(T, C), AddReplica(T, D)).groups[T].joining == (D,)


def test_a_region_leaves_when_it_is_drained() -> None:
    state = apply(THREE_HOLD, RemoveRegion(C))
    assert (standing(state, C), state.groups[T].leaving) == (Standing.LEAVING, ()), "clients are sent elsewhere first"
    state = apply(state, RemoveReplica(T, C))
    assert state.groups[T].leaving == (C,)
    assert refusal(state, RegionLeft(C)) == "eu-west-1 is not drained: it still holds items"
    assert refusal(state, add(C)) == "eu-west-1 is leaving: it can be added again when it is gone"
    state = after(state, Drained(T, C), RegionLeft(C))
    assert (standing(state, C), state.groups[T].members) == (Standing.REMOVED, (A, B))
    assert standing(apply(state, add(C)), C) is Standing.JOINING


def test_an_evicted_region_that_returns_is_drained_by_its_source() -> None:
    floor = ((C, "first", 12),)
    state = apply(THREE_HOLD, EvictRegion(C, {T: floor}))
    assert standing(state, C) is Standing.EVICTED
    assert state.groups[T].evicted[C].floor == floor
    assert "it was evicted in version" in refusal(state, AddReplica(T, C))
    state = after(state, add(C), AddReplica(T, C, A))
    assert state.groups[T].sources == {C: A}
    assert apply(state, EvictRegion(A)).groups[T].sources == {C: B}
    assert after(state, EvictRegion(C), add(C), AddReplica(T, C)).groups[T].evicted[C].floor == floor
    assert C not in apply(state, Joined(T, C)).groups[T].evicted


def test_the_last_one_stays() -> None:
    one = first_state("w", [region(A)])
    assert refusal(one, RemoveRegion(A)) == "us-east-1 is the last region that is whole"
    assert refusal(one, EvictRegion(A)) == "us-east-1 is the last region that is whole"
    alone = after(TWO, Register(T, "items", (B,)))
    assert refusal(alone, RemoveRegion(B)).startswith("us-west-2 alone holds items")
    assert refusal(alone, RemoveReplica(T, B)).startswith("us-west-2 alone holds items")
    assert refusal(alone, EvictRegion(B)).endswith("without it that would be lost")
    assert T not in apply(alone, EvictRegion(B, {}, True)).groups
    assert refusal(WITH_TABLE, Forget(T, A)) == "items is held by us-west-2 as well"


def test_a_strongly_consistent_table_keeps_its_regions() -> None:
    state = after(TWO, add(C), RegionJoined(C), Register(T, "orders", (A, B, C), fixed=True), add(D))
    assert refusal(state, AddReplica(T, D)).startswith(f"{D} cannot join orders: the regions of a strongly")
    assert refusal(state, RemoveReplica(T, C)).startswith(f"{C} cannot leave orders")
    assert refusal(state, RemoveRegion(C)).startswith(f"{C} holds orders")
    gone = apply(state, EvictRegion(C))
    assert gone.groups[T].members == (A, B)
    assert after(gone, add(C), AddReplica(T, C)).groups[T].joining == (C,)


def test_what_is_unknown_is_named() -> None:
    assert refusal(TWO, RemoveRegion(C)) == f"{C} is no region of this world; there are {A}, {B}"
    assert refusal(TWO, Joined(T, A)) == f"nothing is known of a data set {T}"
    assert refusal(WITH_TABLE, Joined(T, C)) == f"{C} is not joining items"
    elsewhere = AddRegion(C, 9, "127.0.1.1", ())
    assert refusal(TWO, elsewhere) == f"{C} cannot be at 127.0.1.1: {A} is there"


def test_a_forced_eviction_begins_another_generation() -> None:
    state = force(WITH_TABLE, EvictRegion(B), "drawn")
    assert (state.generation, state.fork, state.voters) == (1, "drawn", (A,))
    assert state.later_than(after(WITH_TABLE, add(C), RegionJoined(C)))
    assert state.groups[T].epoch > 1 << 32, "later than whatever the other side decides in its own generation"
    other = force(WITH_TABLE, EvictRegion(A), "there")
    assert not supersedes(other, state, A), "each side goes on for itself"
    again = force(state, EvictRegion(B), "again")
    assert supersedes(again, other, B), "until one of them is forced once more"
