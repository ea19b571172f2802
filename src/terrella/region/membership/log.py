"""What a region needs of whatever brings commands into one order for all of them."""

from collections.abc import Callable
from typing import Protocol

from terrella.region.membership.commands import Command
from terrella.region.membership.state import MembershipState


class ControlLog(Protocol):
    """Commands that a majority of regions has agreed on, applied in one order everywhere."""

    @property
    def current(self) -> MembershipState:
        """The last version that was decided, as far as this region knows."""
        ...

    @property
    def majority_reachable(self) -> bool:
        """Whether a command has prospects now."""
        ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each new version."""
        ...

    async def propose(self, command: Command) -> MembershipState:
        """Have a command decided; answers the state after it.

        Raises ``RefusedError``, ``NoMajorityError``, ``OutcomeUndecidedError``.
        """
        ...
