"""Single scenes, every message carried by hand: what a random schedule would take long to come upon."""

import pytest
from tests.unit.journal.raft.hub import Hub

from terrella.journal import raft
from terrella.journal.raft import (
    Change,
    ChangeKind,
    ChangeRefusedError,
    Configuration,
    Handed,
    Role,
    elections,
    leading,
)

THREE = ("a", "b", "c")
FIVE = ("a", "b", "c", "d", "e")


def test_a_leader_is_elected_and_what_it_commits_is_applied_everywhere() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    assert hub.leaders == ["a"]
    assert hub.propose("a", "one") is Handed.TAKEN
    assert hub.propose("b", "two") is Handed.FORWARDED
    hub.settle()
    assert hub.applied == {id_: ["", "one", "two"] for id_ in THREE}


def test_without_a_leader_a_proposal_goes_nowhere_and_says_so() -> None:
    hub = Hub(THREE)
    assert hub.propose("a", "one") is Handed.REFUSED
    assert hub.nodes["a"].read_index("r") is Handed.REFUSED


def test_nothing_is_said_before_it_is_written() -> None:
    hub = Hub(THREE)
    node = hub.nodes["a"]
    node.election_at = 1.0
    node.tick(1.0)
    assert {type(message).__name__ for message in node.take(1.0).messages} == {"RequestVote"}
    node.step(raft.VoteAnswer("b", "a", 1, granted=True, preliminary=True), 1.0)
    assert node.role is Role.CANDIDATE
    assert node.take(1.0).messages == [], "votes are asked for once the own vote is durable"
    batch = node.next_batch()
    assert batch is not None
    assert batch.hard_state == raft.HardState(1, "a")
    assert len(batch.messages) == 3
    assert node.next_batch() is None, "one batch at a time"
    assert [message.receiver for message in node.written(batch, 1.0)] == ["b", "c"]


def test_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    """Figure 8 of the Raft paper: an entry of term 1 is on a majority, and a log that ends in term 2 replaces it."""
    hub = Hub(FIVE)
    hub.elect("a")
    hub.cut |= {("a", other) for other in "cde"}
    hub.propose("a", "two")
    hub.settle()
    index = hub.nodes["a"].log.last_index
    assert hub.nodes["b"].log.last_index == index
    e = hub.nodes["e"]
    elections.campaign(e, hub.now, preliminary=False)
    hub.disks["e"].write(e.next_batch() or raft.Batch())
    leading.become_leader(e, hub.now)  # c and d voted for it, and have not heard of its first entry
    a = hub.nodes["a"]
    a.become_follower(2, None, hub.now)
    elections.campaign(a, hub.now, preliminary=False)
    leading.become_leader(a, hub.now)
    for holder in "abc":
        a.step(raft.AppendAnswer(holder, "a", 3, index), hub.now)
    hub.isolate("a")
    assert e.log.last_term > (a.log.term(index) or 0), "c and d, who have no more than a's entry, may elect e"
    assert a.commit < index
    for holder in "abc":
        a.step(raft.AppendAnswer(holder, "a", 3, index + 1), hub.now)
    assert a.commit == index + 1


def test_counting_entries_of_earlier_terms_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: commit whatever is on a majority."""
    monkeypatch.setattr(leading, "may_commit", lambda *_: True)
    with pytest.raises(AssertionError):
        test_an_entry_of_an_earlier_term_is_not_committed_by_counting()


def test_two_votes_in_a_term_are_never_given_not_even_after_a_crash() -> None:
    hub = Hub(THREE)
    hub.isolate("c")
    hub.elect("a")
    term = hub.nodes["a"].term
    hub.boot("b")
    node = hub.nodes["b"]
    node.step(raft.RequestVote("c", "b", term, 99, term, preliminary=False, forced=False), hub.now)
    batch = node.next_batch()
    assert batch is not None
    assert batch.messages == [raft.VoteAnswer("b", "c", term, granted=False, preliminary=False)]


def test_a_member_that_was_cut_off_deposes_nobody_when_it_returns() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.isolate("c")
    hub.pass_time(5)
    assert hub.nodes["c"].role is Role.PRE_CANDIDATE
    hub.heal()
    hub.pass_time(2)
    assert (hub.leaders, {node.term for node in hub.nodes.values()}) == (["a"], {1})


@pytest.mark.parametrize("deaf", [True, False])
def test_a_one_way_cut_beside_a_good_leader_deposes_nobody(deaf: bool) -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.cut |= {(other, "c") if deaf else ("c", other) for other in "ab"}
    hub.pass_time(5)
    hub.propose("a", "one")
    hub.settle()
    assert (hub.leaders, hub.nodes["a"].term) == (["a"], 1)
    assert hub.applied["b"][-1] == "one"
    hub.heal()
    hub.pass_time(2)
    assert (hub.leaders, {node.term for node in hub.nodes.values()}) == (["a"], {1})


def test_two_members_that_do_not_reach_each_other_do_not_fight_over_the_third() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.cut |= {("a", "b"), ("b", "a")}
    hub.pass_time(5)
    assert (hub.leaders, hub.nodes["c"].term) == (["a"], 1)


def test_without_the_preliminary_round_a_returning_member_deposes_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: skip pre-vote."""
    campaign = elections.campaign

    def at_once(core: raft.Core, now: float, preliminary: bool, forced: bool = False) -> None:
        campaign(core, now, preliminary=False, forced=forced)

    monkeypatch.setattr(elections, "campaign", at_once)
    with pytest.raises(AssertionError):
        test_a_member_that_was_cut_off_deposes_nobody_when_it_returns()


def test_a_leader_that_hears_nobody_steps_down_and_another_commits() -> None:
    """It is heard by all: without check-quorum it would lead for ever, and nothing would be committed."""
    hub = Hub(THREE)
    hub.elect("a")
    hub.cut |= {(other, "a") for other in "bc"}
    hub.pass_time(3)
    assert hub.leaders in (["b"], ["c"])
    (leader,) = hub.leaders
    hub.propose(leader, "one")
    hub.settle()
    assert hub.applied[leader][-1] == "one"


def test_without_check_quorum_a_deaf_leader_leads_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: skip check-quorum."""
    monkeypatch.setattr(leading, "is_still_answered", lambda *_: True)
    with pytest.raises(AssertionError):
        test_a_leader_that_hears_nobody_steps_down_and_another_commits()


def test_a_deposed_leader_answers_no_read() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.isolate("a")
    hub.elect("b")
    hub.propose("b", "new")
    hub.settle()
    assert hub.nodes["a"].role is Role.LEADER, "it does not know yet"
    hub.nodes["a"].read_index("stale")
    hub.nodes["b"].read_index("fresh")
    hub.nodes["c"].read_index("forwarded")
    hub.settle()
    assert hub.reads == {"fresh": hub.nodes["b"].commit, "forwarded": hub.nodes["b"].commit}


def test_reads_that_come_together_share_a_round() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.sent.clear()
    for number in range(50):
        hub.nodes["a"].read_index(f"r{number}")
    hub.settle()
    assert len(hub.reads) == 50
    assert len(hub.sent) == 4, "one heartbeat and one answer for each other member"


def test_a_new_leader_reads_only_after_its_first_commit() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.propose("a", "one")
    hub.settle()
    hub.isolate("a")
    hub.now += 1
    node = hub.nodes["b"]
    elections.campaign(node, hub.now, preliminary=False)
    hub.pump("b")
    hub.pump("c")
    node.read_index("early")
    assert not node.reads.begin_round()
    hub.settle()
    assert hub.reads["early"] == node.commit


def test_reading_before_the_first_commit_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a new leader takes what it knows to be committed for all that is."""
    monkeypatch.setattr(raft.Core, "committed_own_term", property(lambda _: True))
    with pytest.raises(AssertionError):
        test_a_new_leader_reads_only_after_its_first_commit()


def test_a_follower_that_fell_behind_is_brought_up_by_a_snapshot() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.isolate("c")
    for number in range(10):
        hub.propose("a", str(number))
        hub.settle()
    for id_ in "ab":
        hub.nodes[id_].compact(hub.nodes[id_].applied)
    hub.settle()
    hub.heal()
    hub.pass_time(1)
    assert hub.applied["c"] == hub.applied["a"]
    assert hub.nodes["c"].log.start.index == hub.nodes["a"].log.start.index
    hub.boot("c")
    hub.propose("a", "more")
    hub.settle()
    assert hub.applied["c"][-1] == "more"


def test_a_state_machine_that_was_lost_is_asked_for_again() -> None:
    """A crash in the middle of restoring a snapshot: the log begins after it, the state machine does not reach it."""
    hub = Hub(THREE)
    hub.elect("a")
    for number in range(5):
        hub.propose("a", str(number))
    hub.settle()
    node = hub.nodes["c"]
    node.compact(node.applied)
    hub.settle()
    kept = hub.disks["c"].load()
    hub.nodes["c"] = raft.Node(
        "c", kept.hard_state, raft.RaftLog(kept.start, kept.entries), 0, node.timing, lambda: 0.5, hub.now
    )
    hub.applied["c"] = []
    assert hub.nodes["c"].snapshot_needed
    hub.propose("a", "later")
    hub.pass_time(0.5)
    hub.nodes["a"].compact(hub.nodes["a"].applied)
    hub.pass_time(0.5)
    assert hub.applied["c"] == hub.applied["a"]
    assert hub.nodes["c"].holds_state


@pytest.mark.parametrize("compacted", [False, True])
def test_a_lost_log_is_sent_again_though_nothing_new_is_written(compacted: bool) -> None:
    """It was back under its old name before its leader missed it, and nothing told the leader so."""
    hub = Hub(THREE)
    hub.elect("a")
    for number in range(5):
        hub.propose("a", str(number))
    hub.settle()
    if compacted:
        hub.nodes["a"].compact(hub.nodes["a"].applied)
        hub.settle()
    hub.add("c", hub.configuration)
    assert hub.applied["c"] == []
    hub.pass_time(0.5)
    assert hub.applied["c"] == hub.applied["a"]
    assert hub.nodes["a"].role is raft.Role.LEADER


def test_members_are_changed_one_at_a_time_and_only_by_a_leader_that_knows_what_is_committed() -> None:
    hub = Hub(THREE)
    add = Change(ChangeKind.ADD_LEARNER, "d")
    with pytest.raises(ChangeRefusedError, match="does not lead"):
        hub.nodes["a"].change(add, hub.now)
    hub.elect("a")
    hub.isolate("a")
    hub.nodes["a"].change(add, hub.now)
    with pytest.raises(ChangeRefusedError, match="not committed yet"):
        hub.nodes["a"].change(Change(ChangeKind.REMOVE, "c"), hub.now)
    hub.heal()
    hub.add("d", Configuration(()))
    hub.pass_time(1)
    assert hub.nodes["d"].configuration == Configuration(THREE, (), ("d",))
    assert hub.applied["d"] == hub.applied["a"]
    hub.nodes["a"].change(Change(ChangeKind.PROMOTE, "d"), hub.now)
    hub.pass_time(0.3)
    hub.nodes["a"].change(Change(ChangeKind.REMOVE, "a"), hub.now)
    hub.pass_time(3)
    (leader,) = hub.leaders
    assert leader != "a"
    assert hub.nodes[leader].configuration.voters == ("b", "c", "d")


def test_a_change_that_was_not_committed_is_taken_back_with_its_entry() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.isolate("a")
    hub.nodes["a"].change(Change(ChangeKind.REMOVE, "c"), hub.now)
    hub.settle()
    assert hub.nodes["a"].configuration.voters == THREE[:2]
    hub.elect("b")
    hub.heal()
    hub.pass_time(1)
    assert set(hub.nodes["a"].configuration.voters) == set(THREE)


def test_a_learner_neither_votes_itself_in_nor_counts() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.add("d", Configuration(()))
    hub.nodes["a"].change(Change(ChangeKind.ADD_LEARNER, "d"), hub.now)
    hub.pass_time(0.5)
    hub.isolate("b")
    hub.isolate("c")
    hub.propose("a", "lonely")
    hub.pass_time(0.3)
    assert "lonely" not in hub.applied["a"]
    hub.pass_time(3)
    assert hub.nodes["d"].role is Role.FOLLOWER


def test_a_witness_votes_and_acknowledges_and_hands_over_when_it_had_to_lead() -> None:
    hub = Hub(THREE, witnesses=("c",))
    hub.elect("a")
    hub.isolate("b")
    hub.propose("a", "one")
    hub.settle()
    assert hub.applied["a"][-1] == "one", "the witness's acknowledgement counts"
    assert hub.applied["c"] == [], "but it holds no state"
    hub.heal()
    hub.isolate("a")
    hub.sent.clear()
    hub.pass_time(3)
    assert [message.receiver for message in hub.sent if isinstance(message, raft.CampaignNow)] == ["b"]
    assert hub.leaders == ["b"], "only the witness had the entry: it led until b had it too"
    assert "one" in hub.applied["b"]


def test_a_witness_that_leads_serves_nobody() -> None:
    hub = Hub(THREE, witnesses=("c",))
    hub.isolate("a")
    hub.cut |= {("c", "b")}
    node = hub.nodes["c"]
    hub.now += 1
    elections.campaign(node, hub.now, preliminary=False)
    hub.pump("c")
    node.step(raft.VoteAnswer("b", "c", node.term, granted=True, preliminary=False), hub.now)
    assert node.role is Role.LEADER
    assert node.propose("one", b"", hub.now) is Handed.REFUSED
    assert node.read_index("r") is Handed.REFUSED


def test_a_witness_keeps_the_log_that_a_member_with_state_still_lacks() -> None:
    hub = Hub(THREE, witnesses=("c",))
    hub.elect("a")
    hub.propose("a", "one")
    hub.settle()
    held_by_all = hub.nodes["a"].log.last_index
    hub.isolate("b")
    for number in range(5):
        hub.propose("a", str(number))
        hub.settle()
    hub.pass_time(0.3)
    assert hub.nodes["c"].floor <= held_by_all


def test_leadership_is_handed_over_without_a_pause() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.propose("a", "one")
    hub.nodes["a"].transfer("b", hub.now)
    assert hub.propose("a", "two") is Handed.REFUSED
    hub.settle()
    assert hub.leaders == ["b"]


def test_a_transfer_that_fails_is_given_up() -> None:
    hub = Hub(THREE)
    hub.elect("a")
    hub.isolate("b")
    hub.propose("a", "one")
    hub.nodes["a"].transfer("b", hub.now)
    hub.pass_time(1)
    assert hub.leaders == ["a"]
    assert hub.propose("a", "two") is Handed.TAKEN


@pytest.mark.parametrize("round_trip_s", [0.001, 0.08, 0.16, 0.3])
def test_a_new_leader_is_there_about_a_second_after_the_old_one_died(round_trip_s: float) -> None:
    timing = raft.Timing.for_distance(round_trip_s)
    # Noticing, the preliminary round, the election, and the first entry's commit, each of a round trip.
    worst_s = timing.election_min_s + timing.election_spread_s + 3 * round_trip_s
    assert worst_s <= (1.2 if round_trip_s < 0.16 else 2.1)
