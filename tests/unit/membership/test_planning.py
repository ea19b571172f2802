"""What a region proposes, from what is decided and what it sees in itself."""

from terrella.region.membership import (
    AddReplica,
    Command,
    Drained,
    Facts,
    Holding,
    Joined,
    MembershipState,
    RegionJoined,
    RegionLeft,
    RemoveRegion,
    RemoveReplica,
    ReplicaChange,
    apply,
    next_commands,
    settled,
)

from .test_commands import THREE_HOLD, TWO, WITH_TABLE, A, B, C, T, U, add, after


def register(state: MembershipState, region: str, up_s: float) -> list[Command]:
    holding = Holding(U, "others", "app\0Others", (A, B))
    return next_commands(state, region, Facts(holdings={U: holding}, up_s=up_s))


def run(state: MembershipState, region: str, facts: Facts) -> MembershipState:
    """Propose what is due until nothing is."""
    while commands := next_commands(state, region, facts):
        changed = after(state, commands[0])
        assert changed is not state, commands[0]
        state = changed
    return state


def test_a_new_table_is_told_of_by_the_first_and_by_the_next_if_that_one_does_not() -> None:
    assert [type(one).__name__ for one in register(TWO, A, 0.0)] == ["Register"]
    assert register(TWO, B, 0.0) == []
    assert [type(one).__name__ for one in register(TWO, B, 10.0)] == ["Register"]
    assert register(TWO, C, 10.0) == [], "who holds nothing has nothing to tell"


def test_a_region_asks_for_what_its_template_gives_it_and_is_whole_with_all_of_it() -> None:
    state = after(WITH_TABLE, add(C))
    assert next_commands(state, C, Facts(ready=True, wanted={T})) == [AddReplica(T, C)]
    state = apply(state, AddReplica(T, C))
    assert next_commands(state, C, Facts(ready=True, wanted={T})) == [], "the snapshot takes its time"
    assert next_commands(state, C, Facts(joined=[T], wanted={T})) == [Joined(T, C)]
    state = apply(state, Joined(T, C))
    assert next_commands(state, C, Facts(wanted={T})) == [], "it has to catch up"
    assert next_commands(state, C, Facts(ready=True, wanted={T})) == [RegionJoined(C)]


def test_a_leaving_region_gives_up_one_thing_after_the_other_once_it_is_quiet() -> None:
    state = apply(THREE_HOLD, RemoveRegion(C))
    assert next_commands(state, C, Facts()) == []
    assert next_commands(state, C, Facts(quiet=True)) == [RemoveReplica(T, C)]
    state = apply(state, RemoveReplica(T, C))
    assert next_commands(state, C, Facts(quiet=True)) == []
    assert next_commands(state, C, Facts(quiet=True, drained=[T])) == [Drained(T, C)]
    state = apply(state, Drained(T, C))
    assert next_commands(state, C, Facts(quiet=True)) == [RegionLeft(C)]


def test_what_a_template_changes_is_asked_for_until_it_is_so() -> None:
    state = after(WITH_TABLE, add(C), RegionJoined(C))
    change = ReplicaChange(T, C)
    facts = Facts(pending=[change], holdings={T: Holding(T, "items", "", (A, B), b"what it is")})
    assert next_commands(state, A, facts) == [AddReplica(T, C, "", b"what it is")]
    state = run(state, A, facts)
    assert settled(state, change)
    gone = ReplicaChange(T, C, remove=True)
    assert not settled(state, gone)
    assert settled(run(state, A, Facts(pending=[gone])), gone)


def test_a_change_waits_for_the_one_before_it() -> None:
    state = after(THREE_HOLD, RemoveReplica(T, B))
    assert next_commands(state, A, Facts(pending=[ReplicaChange(T, B)])) == [], "it is just leaving"
    state = apply(state, Drained(T, B))
    assert next_commands(state, A, Facts(pending=[ReplicaChange(T, B)])) == [AddReplica(T, B)]


def test_who_is_outside_proposes_nothing() -> None:
    assert next_commands(WITH_TABLE, C, Facts(ready=True, quiet=True, wanted={T}, up_s=99.0)) == []
