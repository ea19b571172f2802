"""Taking the place of parts of the journal for a while, to see what the rest makes of it."""

import importlib
from collections.abc import Callable
from typing import Any

ROOM = "terrella.journal."


class Patches:
    """What is replaced, and what it was."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def put(self, place: str, make: Callable[[Any], Any]) -> None:
        """Replace ``module.name`` or ``module.Class.name`` of the journal by what ``make`` makes of it."""
        module, *path, name = place.split(".")
        target: Any = importlib.import_module(ROOM + module)
        for part in path:
            target = getattr(target, part)
        before = vars(target)[name]
        self._before.append((target, name, before))
        setattr(target, name, make(before))

    def undo(self) -> None:
        """All is as it was."""
        for target, name, before in reversed(self._before):
            setattr(target, name, before)


def choke(patches: Patches, chokes: Callable[[bytes], bool]) -> None:
    """Merging fails on some values: a mistake in the program, which always makes the same of them."""

    def make(before: Any) -> Any:
        def merge(stored: Any, incoming: Any) -> Any:
            if incoming.value is not None and chokes(incoming.value):
                raise ValueError(f"{incoming.value!r} is more than this version can take")
            return before(stored, incoming)

        return merge

    patches.put("applying.merge", make)
