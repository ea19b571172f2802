"""Raft alone, from seeds: its promises hold, and bugs that are planted show."""

from typing import Any

import pytest

from terrella.journal import raft
from terrella.testing.consensus import CLIMATES, Climate, Member, Registers, simulate

SEEDS = 500
GROUPS = 10


@pytest.mark.parametrize("group", range(GROUPS))
def test_the_promises_hold(group: int) -> None:
    answered = [simulate(seed).clients.answered for seed in range(group, SEEDS, GROUPS)]
    assert sum(answered) / len(answered) > 15, "the clients were served while all this went on"


def test_a_seed_replays_exactly() -> None:
    told: list[list[str]] = [[], []]
    for lines in told:
        simulate(12, tell=lines.append)
    assert told[0] == told[1]
    assert len(told[0]) > 20


def climate(name: str) -> Climate:
    return next(climate for climate in CLIMATES if climate.name == name)


def broken_promise(name: str, seeds: int) -> str | None:
    """The first that is found in a climate; a group that stands still is not enough."""
    for seed in range(seeds):
        try:
            simulate(seed, climate=climate(name))
        except AssertionError as failure:
            broken = str(failure).split(":")[0]
            if broken in SAFETY:
                return broken
    return None


def vote_twice(core: raft.Core, request: raft.RequestVote) -> bool:
    return request.term > core.term if request.preliminary else request.term == core.term


def answer_before_writing(self: Member, batch: raft.Batch) -> None:
    promises, batch.messages = batch.messages, []
    for message in promises:
        (batch.messages.append if message.receiver == self.id else self.group.send)(message)
    self._after(self.disk_s * self.group.random.random(), lambda: self._commit(batch))


SAFETY = {"election safety", "leader completeness", "log matching", "state machine safety", "linearizability"}
BUGS: dict[str, tuple[Any, str, Any, str, int]] = {
    "vote twice": (raft.elections, "may_vote", vote_twice, "echoes", 40),
    "vote for a log that is behind": (raft.RaftLog, "is_behind", lambda *_: True, "mixed", 30),
    "answer before it is written": (Member, "begin_write", answer_before_writing, "power cuts", 90),
    "read without ReadIndex": (raft.leading, "confirmed_round", lambda *_: 10**9, "pauses", 15),
    "skip the memory of proposals": (Registers, "remembers", lambda *_: False, "echoes", 60),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others (no pre-vote, no check-quorum, counting earlier terms, early reads) are caught in single scenes."""
    owner, attribute, bug, where, seeds = BUGS[name]
    monkeypatch.setattr(owner, attribute, bug)
    assert broken_promise(where, seeds)
