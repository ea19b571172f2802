"""Who belongs to the world, and who holds what: control state, decided by a majority of the regions.

``state`` holds the values, ``commands`` what can be asked for and what comes of it (pure: ``apply(state, command)``
answers the next state or refuses), ``log`` what a region needs of whatever brings the commands into one order.
A region acts on the last version that it holds, and says which; nothing on the request path waits for a newer one.
"""

from terrella.region.membership.commands import (
    AddRegion,
    AddReplica,
    Command,
    Drained,
    EvictRegion,
    Forget,
    Joined,
    RegionJoined,
    RegionLeft,
    Register,
    RemoveRegion,
    RemoveReplica,
    apply,
    decode_command,
    encode_command,
    force,
)
from terrella.region.membership.errors import (
    MembershipError,
    NoMajorityError,
    OutcomeUndecidedError,
    RefusedError,
)
from terrella.region.membership.group import ControlGroup, told_to
from terrella.region.membership.keeper import MembershipKeeper, answer_of
from terrella.region.membership.log import ControlLog
from terrella.region.membership.planning import Facts, Holding, ReplicaChange, next_commands, settled
from terrella.region.membership.state import (
    Eviction,
    FlatVector,
    Former,
    LinkSettings,
    MembershipState,
    RegionStatus,
    ReplicaGroup,
    Standing,
    WorldRegion,
    decode_state,
    encode_state,
    first_state,
    flat,
    standing,
)

__all__ = [
    "AddRegion",
    "AddReplica",
    "Command",
    "ControlGroup",
    "ControlLog",
    "Drained",
    "EvictRegion",
    "Eviction",
    "Facts",
    "FlatVector",
    "Forget",
    "Former",
    "Holding",
    "Joined",
    "LinkSettings",
    "MembershipError",
    "MembershipKeeper",
    "MembershipState",
    "NoMajorityError",
    "OutcomeUndecidedError",
    "RefusedError",
    "RegionJoined",
    "RegionLeft",
    "RegionStatus",
    "Register",
    "RemoveRegion",
    "RemoveReplica",
    "ReplicaChange",
    "ReplicaGroup",
    "Standing",
    "WorldRegion",
    "answer_of",
    "apply",
    "decode_command",
    "decode_state",
    "encode_command",
    "encode_state",
    "first_state",
    "flat",
    "force",
    "next_commands",
    "settled",
    "standing",
    "told_to",
]
