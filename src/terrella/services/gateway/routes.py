"""Routing tables: which route of an API takes a method and a path. Built once for each version, then only read.

REST APIs go segment by segment: a literal before ``{parameter}`` before ``{proxy+}``. HTTP APIs first look for a route
that matches in full, then for a greedy one, then for ``$default``. In both, a route that does not take the method is
passed over for the next best that does (``ANY`` takes every method, a named method goes before it).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

from terrella.kernel import TerrellaError

T = TypeVar("T")

ANY = "ANY"
DEFAULT_ROUTE = "$default"
METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """The route that was found, and the values of its path's parameters (None if it has none)."""

    target: T
    parameters: dict[str, str] | None


@dataclass(slots=True)
class _Route(Generic[T]):
    names: tuple[str, ...]
    target: T


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: dict[str, "_Node[T]"] = field(default_factory=dict)
    parameter: "_Node[T] | None" = None
    methods: dict[str, _Route[T]] = field(default_factory=dict)
    greedy: dict[str, _Route[T]] = field(default_factory=dict)


class RouteTable(Generic[T]):
    """Routes by method and path. ``strict``: a slash at the end of a path counts (HTTP APIs)."""

    def __init__(self, routes: Iterable[tuple[str, str, T]], *, strict: bool) -> None:
        self._root: _Node[T] = _Node()
        self._default: T | None = None
        self._strict = strict
        for method, path, target in routes:
            self._add(method, path, target)

    def _add(self, method: str, path: str, target: T) -> None:
        if path == DEFAULT_ROUTE:
            self._default = target
            return
        if not path.startswith("/"):
            raise TerrellaError(f"API Gateway: the route {path!r} does not begin with a slash")
        node = self._root
        names: list[str] = []
        segments = self._segments(path)
        for position, segment in enumerate(segments):
            if not (segment.startswith("{") and segment.endswith("}")):
                node = node.literals.setdefault(segment, _Node())
            elif segment.endswith("+}"):
                if position != len(segments) - 1:
                    raise TerrellaError(f"API Gateway: in the route {path!r}, {segment} can only stand at the end")
                node.greedy[method] = _Route((*names, segment[1:-2]), target)
                return
            else:
                names.append(segment[1:-1])
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
        node.methods[method] = _Route(tuple(names), target)

    def _segments(self, path: str) -> list[str]:
        if not self._strict:
            path = path.rstrip("/")
        return path[1:].split("/") if len(path) > 1 else []

    def match(self, method: str, path: str) -> Match[T] | None:
        """Find the route for a path (decoded for HTTP APIs, as sent for REST APIs)."""
        segments = self._segments(path)
        if self._strict:
            found = self._walk(self._root, method, segments, 0, (), full=True, greedy=False)
            found = found or self._walk(self._root, method, segments, 0, (), full=False, greedy=True)
            if found is None and self._default is not None:
                return Match(self._default, None)
            return found
        return self._walk(self._root, method, segments, 0, (), full=True, greedy=True)

    def _walk(
        self,
        node: _Node[T],
        method: str,
        segments: list[str],
        position: int,
        values: tuple[str, ...],
        *,
        full: bool,
        greedy: bool,
    ) -> Match[T] | None:
        if position == len(segments):
            route = (node.methods.get(method) or node.methods.get(ANY)) if full else None
            return _matched(route, values) if route else None
        segment = segments[position]
        child = node.literals.get(segment)
        if child is None and "%" in segment:
            child = node.literals.get(unquote(segment))
        if child is not None:
            found = self._walk(child, method, segments, position + 1, values, full=full, greedy=greedy)
            if found:
                return found
        if node.parameter is not None and segment:
            found = self._walk(
                node.parameter, method, segments, position + 1, (*values, segment), full=full, greedy=greedy
            )
            if found:
                return found
        if greedy and node.greedy and segment:
            route = node.greedy.get(method) or node.greedy.get(ANY)
            if route:
                return _matched(route, (*values, "/".join(segments[position:])))
        return None


def _matched(route: _Route[T], values: tuple[str, ...]) -> Match[T]:
    return Match(route.target, dict(zip(route.names, values, strict=True)) or None)
