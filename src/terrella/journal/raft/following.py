"""A follower's work: taking the leader's log, and saying so once it is durable."""

from terrella.journal.raft.core import Core, ReadReady
from terrella.journal.raft.messages import (
    Append,
    AppendAnswer,
    Heartbeat,
    HeartbeatAnswer,
    InstallSnapshot,
    ReadAnswer,
)


def heard(core: Core, leader: str, now: float) -> None:
    """The leader is there."""
    if core.leader != leader:
        core.become_follower(core.term, leader, now)
    core.heard_leader_at = now
    core.rest(now)


def take_entries(core: Core, message: Append, now: float) -> None:
    """Make the log the leader's, where it follows on what is here."""
    heard(core, message.sender, now)
    core.floor = max(core.floor, message.floor)
    log = core.log
    if message.previous_index < core.commit:
        core.send_answer(core.commit, message.sender)  # what is committed is the same everywhere
        return
    if not log.matches(message.previous_index, message.previous_term):
        hint = log.find(min(message.previous_index, log.last_index), message.previous_term)
        core.send_after(
            AppendAnswer(core.id, message.sender, core.term, message.previous_index, True, hint, log.term(hint) or 0)
        )
        return
    log.merge(message.entries, core.commit)
    last = message.previous_index + len(message.entries)
    core.commit = max(core.commit, min(message.commit, last))
    core.send_answer(last, message.sender)


def take_heartbeat(core: Core, message: Heartbeat, now: float) -> None:
    """Answer the leader; it never says that more is committed than it knows to be here."""
    heard(core, message.sender, now)
    lacking = message.commit > core.log.last_index
    core.commit = max(core.commit, min(message.commit, core.log.last_index))
    core.send_after(HeartbeatAnswer(core.id, message.sender, core.term, message.round, core.snapshot_needed, lacking))


def take_snapshot(core: Core, message: InstallSnapshot, now: float) -> None:
    """Begin anew where the snapshot ends. The log may do so before the state machine is there: it promises no state."""
    heard(core, message.sender, now)
    point = message.point
    if point.index <= (core.log.start.index - 1 if core.snapshot_needed else core.commit):
        core.send_answer(core.commit, message.sender)
        return
    if core.log.matches(point.index, point.term):
        core.log.compact(point.index)
    else:
        core.log.restart(point)
    core.commit = max(core.commit, point.index)
    core.snapshot = message
    core.restoring = True
    core.send_answer(point.index, message.sender)


def take_read_answer(core: Core, message: ReadAnswer) -> None:
    """A read that was handed on to the leader is ready."""
    core.reads_ready.append(ReadReady(message.id, message.index))
