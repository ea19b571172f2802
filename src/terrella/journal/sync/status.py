"""What the lane ``sync`` says of itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A member of a group. ``match`` and ``behind`` (entries) are known to the leader only; None: not known here.

    ``last_contact_ms_ago`` is since the member answered this leader, or since this follower heard its leader.
    """

    id: str
    region: str
    part: str
    match: int | None
    behind: int | None
    last_contact_ms_ago: float | None


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One group as this region sees it.

    ``role`` is ``unfounded`` until all of its voting regions have met once (``waiting_for`` names those that have not
    been heard), then as in Raft; ``serving`` says whether clients may read and write here. ``leader`` is a region; None
    while there is none that this region knows of. ``failure`` says why the group stands still for good.
    """

    data_set_id: str
    name: str
    member: str
    role: str
    leader: str | None
    term: int
    commit: int
    applied: int
    log_first: int
    log_last: int
    witness: bool
    serving: bool
    members: tuple[MemberStatus, ...]
    waiting_for: tuple[str, ...]
    proposals_under_way: int
    snapshot: str | None
    failure: str | None
