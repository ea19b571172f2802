"""What a region has to propose next, given what is decided and what it sees in itself. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from terrella.region.membership.commands import (
    AddReplica,
    Command,
    Drained,
    Joined,
    RegionJoined,
    RegionLeft,
    Register,
    RemoveReplica,
)
from terrella.region.membership.state import MembershipState, ReplicaGroup, Standing, standing

REGISTER_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Holding:
    """A replicated data set as this region has it: ``members`` are those that the template gives it.

    ``identity`` is what the template calls it, ``definition`` what another region needs to make it. ``fixed`` ones keep
    the members that they were made with.
    """

    id: str
    name: str
    identity: str
    members: tuple[str, ...]
    definition: bytes = b""
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaChange:
    """The template of a table's maker has gained a replica, or lost one (``remove``)."""

    id: str
    region: str
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a region sees in itself.

    ``holdings`` are its replicated data sets by id; ``wanted`` the ids of those that its template wants here and that
    are not here; ``joined`` and ``drained`` the ids of data sets for which that has happened; ``pending`` the changes
    that its template asks for; ``ready`` whether it would serve, were it not for joining, ``quiet`` whether no
    more clients are sent to it since it is leaving; ``up_s`` how long it runs.
    """

    holdings: Mapping[str, Holding] = field(default_factory=dict)
    wanted: Collection[str] = ()
    joined: Collection[str] = ()
    drained: Collection[str] = ()
    pending: Sequence[ReplicaChange] = ()
    ready: bool = False
    quiet: bool = False
    up_s: float = 0.0


def next_commands(state: MembershipState, region: str, facts: Facts) -> list[Command]:
    """Everything that is to be proposed now, in this order; what is refused is proposed again as long as it stands."""
    at = standing(state, region)
    if at not in (Standing.ACTIVE, Standing.JOINING, Standing.LEAVING):
        return []
    found: list[Command] = []
    found += [Joined(id_, region) for id_ in sorted(facts.joined) if region in _group(state, id_).joining]
    found += [Drained(id_, region) for id_ in sorted(facts.drained) if region in _group(state, id_).leaving]
    if at is not Standing.LEAVING:
        found += _registrations(state, region, facts)
        found += _template_changes(state, facts)
    if at is Standing.JOINING:
        found += _own_joining(state, region, facts)
    if at is Standing.LEAVING and facts.quiet:
        found += _own_leaving(state, region)
    return found


def settled(state: MembershipState, change: ReplicaChange) -> bool:
    """Whether a change that a template asked for is decided, or has nothing left to be decided about."""
    group = state.groups.get(change.id)
    if group is None:
        return change.remove
    if change.remove:
        return change.region not in group.holders or change.region in group.leaving
    return change.region in group.holders and change.region not in group.leaving


def _registrations(state: MembershipState, region: str, facts: Facts) -> list[Command]:
    """New data sets: the first of those that hold one tells of it, the others only if it does not."""
    found: list[Command] = []
    for holding in facts.holdings.values():
        members = [name for name in holding.members if name in state.regions]
        if holding.id in state.groups or region not in members:
            continue
        if facts.up_s >= REGISTER_PATIENCE_S * members.index(region):
            sorted_members = tuple(sorted(members))
            found.append(
                Register(holding.id, holding.name, sorted_members, holding.identity, holding.definition, holding.fixed)
            )
    return found


def _template_changes(state: MembershipState, facts: Facts) -> list[Command]:
    found: list[Command] = []
    for change in facts.pending:
        group = state.groups.get(change.id)
        if group is None or settled(state, change) or change.region not in state.regions:
            continue
        if change.remove:
            found.append(RemoveReplica(change.id, change.region))
        elif not group.changing:
            found.append(AddReplica(change.id, change.region, definition=_definition(facts, change.id)))
    return found


def _own_joining(state: MembershipState, region: str, facts: Facts) -> list[Command]:
    """What the template wants here is joined; with all of it, the region is whole once it could serve."""
    wanted = [state.groups[id_] for id_ in sorted(facts.wanted) if id_ in state.groups]
    missing = [
        group.id for group in wanted if region not in group.holders and (not group.fixed or region in group.evicted)
    ]
    found: list[Command] = [AddReplica(id_, region) for id_ in missing if not state.groups[id_].changing]
    joining = any(region in group.joining for group in state.groups.values())
    if facts.ready and not missing and not joining:
        found.append(RegionJoined(region))
    return found


def _own_leaving(state: MembershipState, region: str) -> list[Command]:
    held = [group for group in state.groups.values() if region in group.holders]
    if not held:
        return [RegionLeft(region)]
    return [
        RemoveReplica(group.id, region)
        for group in held
        if region not in group.leaving and (not group.changing or region in group.joining)
    ]


def _definition(facts: Facts, id_: str) -> bytes:
    return facts.holdings[id_].definition if id_ in facts.holdings else b""


def _group(state: MembershipState, id_: str) -> ReplicaGroup:
    return state.groups.get(id_) or ReplicaGroup(id_, "", "", 0, ())
