"""The lane ``sync``: a data set is written by a majority of its members before it is acknowledged, and read likewise.

Each such data set has a Raft group. ``SyncLane`` runs a region's groups; a judge's changes are proposed, and applied by
compare-and-set in the log's order (``machine``). Pure are ``founding``, ``proposals`` and what ``machine`` decides.
"""

from terrella.journal.sync.lane import SyncLane
from terrella.journal.sync.status import GroupStatus, MemberStatus

__all__ = ["GroupStatus", "MemberStatus", "SyncLane"]
