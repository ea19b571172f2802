"""Who belongs to a Raft group, in which part; changed by one member at a time, so that majorities always overlap."""

from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from terrella.journal.raft.errors import ChangeRefusedError


class Configuration(msgspec.Struct, array_like=True, frozen=True):
    """The members of a group, each under an id that is never given twice.

    ``voters`` make majorities; ``learners`` receive everything and count for nothing. ``witnesses`` are those of either
    that keep the log only: they vote and acknowledge, and hold no state.
    """

    voters: tuple[str, ...]
    witnesses: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """All who are sent the log."""
        return self.voters + self.learners

    @property
    def serving(self) -> tuple[str, ...]:
        """The voters that hold state."""
        return tuple(voter for voter in self.voters if voter not in self.witnesses)

    @property
    def majority(self) -> int:
        """How many voters decide."""
        return len(self.voters) // 2 + 1

    def agreed(self, value_of: Callable[[str], int]) -> int:
        """The greatest number that a majority of voters has reached."""
        reached = sorted((value_of(voter) for voter in self.voters), reverse=True)
        return reached[self.majority - 1]

    def is_majority(self, members: Iterable[str]) -> bool:
        """Whether these are enough of the voters."""
        return len(set(members) & set(self.voters)) >= self.majority


class ChangeKind(StrEnum):
    """What may happen to one member."""

    ADD_LEARNER = "add-learner"
    ADD_WITNESS = "add-witness"  # a learner that will keep the log only
    PROMOTE = "promote"
    REMOVE = "remove"


class Change(msgspec.Struct, array_like=True, frozen=True):
    """A change of one member."""

    kind: ChangeKind
    member: str


def changed(configuration: Configuration, change: Change) -> Configuration:
    """The configuration after a change; raises ``ChangeRefusedError`` for one that cannot be."""
    voters, witnesses, learners = configuration.voters, configuration.witnesses, configuration.learners
    member = change.member
    if change.kind in (ChangeKind.ADD_LEARNER, ChangeKind.ADD_WITNESS):
        if member in configuration.everyone:
            raise ChangeRefusedError(f"{member} is a member already")
        if change.kind is ChangeKind.ADD_WITNESS:
            witnesses = tuple(sorted((*witnesses, member)))
        return Configuration(voters, witnesses, tuple(sorted((*learners, member))))
    if change.kind is ChangeKind.REMOVE:
        if member not in configuration.everyone:
            raise ChangeRefusedError(f"{member} is no member")
        if voters == (member,):
            raise ChangeRefusedError(f"{member} is the last voter")
        return Configuration(_without(voters, member), _without(witnesses, member), _without(learners, member))
    if member not in learners:
        raise ChangeRefusedError(f"{member} is no learner: only a learner becomes a voter")
    return Configuration(tuple(sorted((*voters, member))), witnesses, _without(learners, member))


def _without(members: tuple[str, ...], member: str) -> tuple[str, ...]:
    return tuple(other for other in members if other != member)
