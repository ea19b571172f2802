"""A leader's work: sending the log, counting who has it, confirming reads, handing over."""

from terrella.journal.raft.core import Core, ReadReady, Role
from terrella.journal.raft.messages import (
    Append,
    AppendAnswer,
    CampaignNow,
    EntryKind,
    Heartbeat,
    HeartbeatAnswer,
    InstallSnapshot,
    LogEntry,
    ReadAnswer,
)
from terrella.journal.raft.progress import Pace, Progress
from terrella.journal.raft.reading import confirmed_round

_SNAPSHOT_PATIENCE = 6


def become_leader(core: Core, now: float) -> None:
    """Begin to lead, with an entry of the own term: only by committing that is all before it committed."""
    core.role = Role.LEADER
    core.leader = core.id
    core.votes.clear()
    core.uncommitted_bytes = 0
    core.heartbeat_at = now
    core.progress = {}
    meet_members(core, now)
    append(core, EntryKind.NO_OPERATION, "", b"")


def append(core: Core, kind: EntryKind, id_: str, data: bytes) -> int:
    """Put an entry into the own log; it counts here as soon as it is durable."""
    entry = LogEntry(core.term, core.log.last_index + 1, kind, id_, data)
    core.log.append(entry)
    core.uncommitted_bytes += len(data)
    core.send_answer(entry.index, core.id)
    return entry.index


def meet_members(core: Core, now: float) -> None:
    """After a change of the configuration: watch who is new, forget who has gone."""
    everyone = core.configuration.everyone
    for member in everyone:
        if member not in core.progress:
            core.progress[member] = Progress(core.log.last_index + 1, last_heard=now)
    for member in [member for member in core.progress if member not in everyone]:
        del core.progress[member]


def flush(core: Core, now: float) -> None:
    """Send what each member lacks, and a heartbeat to all if a read waits for one."""
    if core.reads.begin_round():
        beat(core, now)
        confirm_reads(core)
    for member, progress in core.progress.items():
        if member != core.id:
            while progress.may_send and _lacks(core, progress) and _send_log(core, member, progress, now):
                pass


def _lacks(core: Core, progress: Progress) -> bool:
    return progress.next <= core.log.last_index or progress.commit_sent < core.commit or progress.nudge


def _send_log(core: Core, member: str, progress: Progress, now: float) -> bool:
    log = core.log
    previous = progress.next - 1
    previous_term = log.term(previous)
    if previous_term is None:
        _want_snapshot(core, member, progress, now)
        return False
    entries = log.slice(progress.next, log.last_index, core.append_bytes_max)
    message = Append(core.id, member, core.term, previous, previous_term, entries, core.commit, core.floor)
    core.send(message)
    progress.sent(entries[-1].index if entries else previous, bool(entries), core.commit)
    return True


def _want_snapshot(core: Core, member: str, progress: Progress, now: float) -> None:
    """The log does not reach back so far. A witness needs no more than the place where its log begins."""
    if member in core.configuration.witnesses:
        progress.pace, progress.snapshot_moved_at = Pace.SNAPSHOT, now
        core.send(InstallSnapshot(core.id, member, core.term, core.log.point(core.commit), b""))
    elif core.holds_state:
        progress.pace, progress.snapshot_moved_at = Pace.SNAPSHOT, now
        core.snapshots_wanted.append(member)


def beat(core: Core, now: float) -> None:
    """Tell everyone that the leader is there."""
    core.heartbeat_at = now + core.timing.heartbeat_s
    for member, progress in core.progress.items():
        if member != core.id:
            commit = min(core.commit, progress.match)
            core.send(Heartbeat(core.id, member, core.term, commit, core.reads.round))


def tick(core: Core, now: float) -> None:
    """Heartbeats; and no leader stays one that a majority does not answer, for it could not know of another."""
    patience_s = core.timing.election_min_s + core.timing.election_spread_s
    heard = [member for member, known in core.progress.items() if now - known.last_heard < patience_s]
    if not is_still_answered(core, [*heard, core.id]):
        core.become_follower(core.term, None, now)
        return
    if core.transfer_to is not None and now >= core.transfer_until:
        core.transfer_to = None
    if now >= core.heartbeat_at:
        beat(core, now)
        for member, progress in core.progress.items():
            if progress.pace is Pace.SNAPSHOT and _snapshot_is_stuck(core, progress, now):
                progress.probe()
                progress.next = progress.match + 1
                progress.nudge = member != core.id
    hand_over(core, now)


def is_still_answered(core: Core, heard: list[str]) -> bool:
    """Whether enough members answer."""
    return core.configuration.is_majority(heard)


def _snapshot_is_stuck(core: Core, progress: Progress, now: float) -> bool:
    return now - progress.snapshot_moved_at > _SNAPSHOT_PATIENCE * core.timing.election_min_s


def append_answered(core: Core, answer: AppendAnswer, now: float) -> None:
    """A member has taken entries, or could not."""
    progress = core.progress.get(answer.sender)
    if progress is None:
        return  # it was removed
    progress.last_heard = now
    if answer.rejected:
        if progress.disagreed(answer.index, core.log.find(answer.hint_index, answer.hint_term) + 1):
            progress.nudge = True
        return
    if progress.agreed(answer.index, core.log.start.index):
        advance_commit(core, now)
    if core.role is Role.LEADER:
        hand_over(core, now)


def advance_commit(core: Core, now: float) -> None:
    """Commit what a majority has."""
    core.floor = max(core.floor, _held_by_all_serving(core))
    index = core.configuration.agreed(lambda voter: core.progress[voter].match)
    if index <= core.commit or not may_commit(core, index):
        return
    first_of_term = not core.committed_own_term
    core.uncommitted_bytes = max(0, core.uncommitted_bytes - core.log.size_bytes(core.commit + 1, index))
    core.commit = index
    if first_of_term:
        core.reads.own_term_committed(core.commit)
    configuration = core.configuration
    if core.log.configuration_index <= core.commit and core.id not in configuration.voters:
        flush(core, now)  # so that the others learn that it is committed
        core.become_follower(core.term, None, now)  # it is removed, and its successors manage on their own


def may_commit(core: Core, index: int) -> bool:
    """Only entries of the own term are committed by counting: an earlier one could still be replaced."""
    return core.log.term(index) == core.term


def _held_by_all_serving(core: Core) -> int:
    return min((core.progress[voter].match for voter in core.configuration.serving), default=0)


def heartbeat_answered(core: Core, answer: HeartbeatAnswer, now: float) -> None:
    """A member is there, and has confirmed a round."""
    progress = core.progress.get(answer.sender)
    if progress is None:
        return
    if answer.lacking and progress.match:
        # Nothing that it is sent would tell: there may be nothing to send for a long time.
        progress = core.progress[answer.sender] = Progress(core.log.last_index + 1, round=progress.round)
    progress.last_heard = now
    progress.round = max(progress.round, answer.round)
    progress.answered(behind=progress.match < core.log.last_index)
    if (
        answer.snapshot_needed
        and core.holds_state
        and progress.pace is not Pace.SNAPSHOT
        and _snapshot_is_stuck(core, progress, now)
    ):
        progress.snapshot_moved_at = now
        core.snapshots_wanted.append(answer.sender)
    confirm_reads(core)


def confirm_reads(core: Core) -> None:
    """Let go the reads whose round a majority has answered."""
    rounds = {member: progress.round for member, progress in core.progress.items()}
    rounds[core.id] = core.reads.round
    for read in core.reads.confirmed(confirmed_round(core.configuration, rounds)):
        if read.requester == core.id:
            core.reads_ready.append(ReadReady(read.id, read.index))
        else:
            core.send(ReadAnswer(core.id, read.requester, core.term, read.id, read.index))


def change_configuration(core: Core, data: bytes, now: float) -> None:
    """Put a new configuration into the log; it is in force from here on."""
    append(core, EntryKind.CONFIGURATION, "", data)
    meet_members(core, now)


def hand_over(core: Core, now: float) -> None:
    """Let another stand for election, once it has the whole log: whom it was asked for, or a leader without state any.

    A leader without state (a witness) was elected because nobody else could be: it only brings others up to date.
    """
    if core.role is not Role.LEADER:
        return
    if core.transfer_to is None and not core.holds_state:
        ready = [member for member in core.configuration.serving if member != core.id and _has_all(core, member)]
        if ready:
            begin_transfer(core, max(ready, key=lambda member: core.progress[member].last_heard), now)
    if core.transfer_to is not None and not core.transfer_sent and _has_all(core, core.transfer_to):
        core.transfer_sent = True
        core.send(CampaignNow(core.id, core.transfer_to, core.term))


def begin_transfer(core: Core, member: str, now: float) -> None:
    """Take no more proposals until ``member`` leads, or has failed to for too long."""
    core.transfer_to = member
    core.transfer_sent = False
    core.transfer_until = now + core.timing.election_min_s


def _has_all(core: Core, member: str) -> bool:
    progress = core.progress.get(member)
    return progress is not None and progress.match == core.log.last_index
