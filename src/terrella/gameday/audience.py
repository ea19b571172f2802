"""Who is told how a game day goes, as it goes."""

from typing import Protocol

from terrella.gameday.evidence import FaultWindow, Look
from terrella.gameday.load import Sample
from terrella.gameday.model import GameDay, Run


class Audience(Protocol):
    """Told of everything, in order. What it does takes no time to speak of."""

    def phase(self, text: str) -> None:
        """What is being done now, in a few words."""
        ...

    def begins(self, gameday: GameDay, run: Run) -> None:
        """The load starts: the run's zero."""
        ...

    def sample(self, sample: Sample) -> None:
        """A request has ended."""
        ...

    def look(self, look: Look) -> None:
        """The world was looked at."""
        ...

    def fault(self, at_s: float, window: FaultWindow, began: bool) -> None:
        """A fault began or ended."""
        ...

    def ends(self, run: Run) -> None:
        """The run is judged."""
        ...


class Nobody:
    """Listens to nothing."""

    def phase(self, text: str) -> None:
        """Nothing."""

    def begins(self, gameday: GameDay, run: Run) -> None:
        """Nothing."""

    def sample(self, sample: Sample) -> None:
        """Nothing."""

    def look(self, look: Look) -> None:
        """Nothing."""

    def fault(self, at_s: float, window: FaultWindow, began: bool) -> None:
        """Nothing."""

    def ends(self, run: Run) -> None:
        """Nothing."""
