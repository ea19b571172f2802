"""What moves on a terminal while something is told in lines above it."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live

_REFRESH_PER_SECOND = 6


class Picture(ABC):
    """``with`` shows ``render`` at the end of a terminal, again and again, then takes it away."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                refresh_per_second=_REFRESH_PER_SECOND,
                get_renderable=self.render,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @abstractmethod
    def render(self) -> RenderableType:
        """The picture of this moment."""
