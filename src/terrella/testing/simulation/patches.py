"""Taking the place of parts of the journal for a while, to see what the rest makes of it."""

import importlib
import weakref
from collections.abc import Callable, Mapping
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


def neglect(patches: Patches, neglected: Callable[[str, tuple[str, str], float], bool]) -> None:
    """Servers send one stream long after another, in an order of their own, and little at a time.

    The protocol promises an order within each stream only; a server that is fair hides what leans on more.
    ``neglected(data_set_id, origin, now)`` says which streams have to wait.
    """
    shown: weakref.WeakKeyDictionary[Any, dict[str, tuple[Any, Any]]] = weakref.WeakKeyDictionary()

    def make_slice(before: Any) -> Any:
        def slice_(server: Any, vectors: Mapping[str, Any], now: float) -> Any:
            known = shown.setdefault(server, {})
            some = {}
            for data_set_id, vector in vectors.items():
                waiting = frozenset(origin for origin in vector if neglected(data_set_id, origin, now))
                what, part = known.get(data_set_id, (None, None))
                if what is None or what[0] is not vector or what[1] != waiting:
                    # What the server has sent of is told by this object: it is another only if there is more of it.
                    part = {origin: last for origin, last in reversed(vector.items()) if origin not in waiting}
                    known[data_set_id] = ((vector, waiting), part)
                some[data_set_id] = part
            return before(server, some, now)

        return slice_

    patches.put("serving.PullServer._slice", make_slice)
    patches.put("serving.SLICE_RECORDS_MAX", lambda _before: 3)
