"""Who belongs to a group: how it is founded, and how it follows its data set's members. Pure.

A member's id is its region's name and what was drawn when the region began to hold the group: ``eu-west-1/9f03c2``. A
region whose disk was lost, or is an old image, cannot know what it has promised: it begins again under a new id, as a
learner, and its old id is removed.

A group is founded once, by the first of its voting regions in the order of their names, when each of them has told it
an id; so nobody can found it a second time as long as anyone remembers the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from terrella.journal.model import DataSet
from terrella.journal.raft import Change, ChangeKind, Configuration

CAUGHT_UP_ENTRIES = 64


def region_of(member: str) -> str:
    """The region of a member."""
    return member.rpartition("/")[0]


def voting_regions(definition: DataSet) -> tuple[str, ...]:
    """The regions that vote, the witness among them."""
    witness = (definition.witness,) if definition.witness else ()
    return tuple(sorted({*definition.members, *witness}))


def founding_configuration(definition: DataSet, region: str, fresh: Mapping[str, str]) -> Configuration | None:
    """Whom to found the group with; None while it is not for this region to do, or not all are there.

    ``fresh`` are the ids that regions which know of no group yet have told, this one's included.
    """
    voting = voting_regions(definition)
    if region != voting[0] or any(other not in fresh for other in voting):
        return None
    witness = (fresh[definition.witness],) if definition.witness else ()
    return Configuration(tuple(sorted(fresh[other] for other in voting)), witness)


@dataclass(frozen=True, slots=True)
class View:
    """What a leader goes by: the configuration in force, the ids that regions go by now, how far each member is."""

    configuration: Configuration
    ids: Mapping[str, str]
    lag_of: Callable[[str], int | None]


def next_change(definition: DataSet, view: View) -> Change | None:
    """The next step towards the members that the data set has; None if there is nothing to do, or not yet."""
    for region in sorted({*voting_regions(definition), *definition.joining}):
        change = _for_region(definition, region, view)
        if change is not None:
            return change
    wanted = {*voting_regions(definition), *definition.joining}
    for member in view.configuration.everyone:
        if region_of(member) not in wanted:
            return Change(ChangeKind.REMOVE, member)
    return None


def _for_region(definition: DataSet, region: str, view: View) -> Change | None:
    configuration = view.configuration
    present = view.ids.get(region)
    members = [member for member in configuration.everyone if region_of(member) == region]
    if present is None:
        return None
    if present not in members:
        stale = [member for member in members if member in configuration.learners]
        if stale:
            return Change(ChangeKind.REMOVE, stale[0])
        return Change(ChangeKind.ADD_WITNESS if region == definition.witness else ChangeKind.ADD_LEARNER, present)
    if present in configuration.voters or region in definition.joining:
        return None
    lag = view.lag_of(present)
    if lag is None or lag > CAUGHT_UP_ENTRIES:
        return None
    former = [member for member in members if member != present]
    return Change(ChangeKind.REMOVE, former[0]) if former else Change(ChangeKind.PROMOTE, present)
