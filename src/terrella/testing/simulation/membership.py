"""Who holds what, as an oracle decides it: with a majority of the regions up, and heard of by each in its own time.

The rules are those of the control state: one region at a time joins or leaves a data set, each decision is an epoch,
and a region that joins is drained by the member that gives it its snapshot.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from terrella.journal import DataSet, Event, Lane, StandingChange

# A sole member cuts its log as it writes it, and no observer could see what was in it.
MEMBERS_MIN = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Who holds a data set; ``sources`` names the member that drains a joining region, and gives it its snapshot."""

    definition: DataSet
    epoch: int
    members: tuple[str, ...]
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    evicted: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def holders(self) -> tuple[str, ...]:
        """Members and joining members."""
        return self.members + self.joining

    @property
    def at_rest(self) -> bool:
        """Whether nobody joins or leaves."""
        return not self.joining and not self.leaving

    @property
    def decided(self) -> DataSet:
        """The data set as a region that begins to hold it declares it."""
        return replace(self.definition, members=self.members, joining=self.joining, epoch=self.epoch)


class Membership:
    """All groups. ``has_majority`` says whether anything can be decided, ``spread`` lets the regions hear of it."""

    def __init__(self, has_majority: Callable[[], bool], spread: Callable[[Group], None]) -> None:
        self.groups: dict[str, Group] = {}
        self.changed = False
        self._has_majority = has_majority
        self._spread = spread

    def register(self, definition: DataSet) -> None:
        """A data set is new; its template says who holds it."""
        if definition.lane is not Lane.LOCAL:
            self.groups[definition.id] = Group(definition, 1, definition.members)

    def forget(self, data_set_id: str) -> None:
        """A data set is gone."""
        self.groups.pop(data_set_id, None)

    def add(self, data_set_id: str, region: str, source: str) -> None:
        """A region is to hold a data set (again)."""
        group = self.groups[data_set_id]
        if region not in group.holders and group.at_rest and source in group.members:
            self._decide(replace(group, joining=(region,), sources={region: source}))

    def remove(self, data_set_id: str, region: str) -> None:
        """A member is to leave, once the others hold what it has."""
        group = self.groups[data_set_id]
        if region in group.members and len(group.members) > MEMBERS_MIN and group.at_rest:
            self._decide(replace(group, leaving=(region,)))

    def evict(self, data_set_id: str, region: str) -> None:
        """A holder is one no more, at once, and whether it hears of it or not."""
        group = self.groups[data_set_id]
        members = _less(group.members, region)
        leaving = _less(group.leaving, region)
        if region not in group.holders or len(set(members) - set(leaving)) < MEMBERS_MIN:
            return
        joining = _less(group.joining, region)
        sources = {one: members[0] if group.sources[one] == region else group.sources[one] for one in joining}
        evicted = group.evicted if region in group.evicted else (*group.evicted, region)
        self._decide(
            replace(group, members=members, joining=joining, leaving=leaving, evicted=evicted, sources=sources)
        )

    def told(self, region: str, change: StandingChange) -> bool:
        """A region says that it has arrived, or may go; False if that has to be said again."""
        group = self.groups.get(change.data_set_id)
        if group is None:
            return True
        if change.event is Event.JOINED and region in group.joining:
            members = tuple(sorted((*group.members, region)))
            joining, evicted = _less(group.joining, region), _less(group.evicted, region)
            return self._decide(replace(group, members=members, joining=joining, evicted=evicted, sources={}))
        if change.event is Event.LEFT and region in group.leaving and len(group.members) > 1:
            return self._decide(
                replace(group, members=_less(group.members, region), leaving=_less(group.leaving, region))
            )
        return True

    def _decide(self, group: Group) -> bool:
        if not self._has_majority():
            return False
        group = replace(group, epoch=group.epoch + 1)
        self.groups[group.definition.id] = group
        self.changed = True
        self._spread(group)
        return True


def _less(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(one for one in names if one != name)
