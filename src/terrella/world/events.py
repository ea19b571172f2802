"""What happens to a world, as lines that a person reads while it runs; kept in ``.terrella/logs/world.log`` as JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from terrella.kernel import Clock


class Mood(StrEnum):
    """How an event is to be read."""

    GOOD = "good"
    NEWS = "news"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Event:
    """``region`` is empty for what concerns the world as a whole."""

    time_ms: int
    mood: Mood
    region: str
    text: str


class EventLog:
    """Tells every subscriber, and the file."""

    def __init__(self, clock: Clock, path: Path) -> None:
        self._clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._subscribers: list[Callable[[Event], None]] = []

    def subscribe(self, callback: Callable[[Event], None]) -> None:
        """Call ``callback`` with each event from now on."""
        self._subscribers.append(callback)

    def tell(self, mood: Mood, region: str, text: str) -> None:
        """Something happened."""
        event = Event(self._clock.now_ms(), mood, region, text)
        self._file.write(msgspec.json.encode(event) + b"\n")
        for subscriber in self._subscribers:
            subscriber(event)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
