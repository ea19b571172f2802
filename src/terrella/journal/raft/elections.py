"""Standing for election, and voting.

Nobody begins a new term before a majority has said that it would vote so (the preliminary round), and nobody gives a
vote while a leader is heard: so a member that is cut off, or cut off in one direction, deposes no good leader.
"""

from terrella.journal.raft.core import Core, Role
from terrella.journal.raft.leading import become_leader
from terrella.journal.raft.messages import RequestVote, VoteAnswer


def tick(core: Core, now: float) -> None:
    """Ask for an election when no leader has been heard for too long."""
    if now < core.election_at:
        return
    if core.id in core.configuration.voters:
        campaign(core, now, preliminary=True)
    else:
        core.rest(now)


def campaign(core: Core, now: float, preliminary: bool, forced: bool = False) -> None:
    """Ask for votes. The own vote of an election proper counts once it is durable, like everyone's."""
    core.election_at = now + core.timing.election_min_s / 2 + core.fraction() * core.timing.election_spread_s
    core.votes.clear()
    core.leader = None
    core.role = Role.PRE_CANDIDATE if preliminary else Role.CANDIDATE
    if preliminary:
        term = core.term + 1
        core.votes[core.id] = True
    else:
        term = core.term = core.term + 1
        core.vote = core.id
        core.send_after(VoteAnswer(core.id, core.id, term, granted=True, preliminary=False))
    send = core.send if preliminary else core.send_after
    for voter in core.configuration.voters:
        if voter != core.id:
            send(
                RequestVote(
                    core.id,
                    voter,
                    term,
                    core.log.last_index,
                    core.log.last_term,
                    preliminary=preliminary,
                    forced=forced,
                )
            )
    if preliminary:
        count(core, now)


def consider(core: Core, request: RequestVote, now: float) -> None:
    """Answer a request for a vote; not at all while a leader is heard, unless that leader asked for the election."""
    if not request.forced and core.hears_leader(now) and request.term > core.term:
        return
    if request.term > core.term and not request.preliminary:
        core.become_follower(request.term, None, now)
    granted = may_vote(core, request) and core.log.is_behind(request.last_index, request.last_term)
    if request.preliminary:
        term = request.term if granted else core.term
        core.send(VoteAnswer(core.id, request.sender, term, granted=granted, preliminary=True))
        return
    if granted:
        core.vote = request.sender
        core.rest(now)
    core.send_after(VoteAnswer(core.id, request.sender, core.term, granted=granted, preliminary=False))


def may_vote(core: Core, request: RequestVote) -> bool:
    """Whether the vote of the term in question is free, or is the asker's already."""
    if request.preliminary:
        return request.term > core.term
    return request.term == core.term and core.vote in ("", request.sender) and core.leader is None


def answered(core: Core, answer: VoteAnswer, now: float) -> None:
    """Note a vote."""
    awaited = Role.PRE_CANDIDATE if answer.preliminary else Role.CANDIDATE
    if core.role is not awaited:
        return
    if answer.preliminary and answer.granted and answer.term != core.term + 1:
        return  # of an earlier round
    core.votes[answer.sender] = answer.granted
    count(core, now)


def count(core: Core, now: float) -> None:
    """Win, lose, or wait for more votes."""
    configuration = core.configuration
    if configuration.is_majority(member for member, granted in core.votes.items() if granted):
        if core.role is Role.PRE_CANDIDATE:
            campaign(core, now, preliminary=False)
        else:
            become_leader(core, now)
    elif configuration.is_majority(member for member, granted in core.votes.items() if not granted):
        core.become_follower(core.term, None, now)
