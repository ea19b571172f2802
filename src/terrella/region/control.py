"""The region's control API under ``/_terrella/``: what operators, the front door and other regions ask of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from terrella.kernel import TerrellaError
from terrella.wire.http import Handler, Request, Response, json_response

CONTROL_HEADER = "x-terrella-control"
_PREFIX = "/_terrella/"


@dataclass(frozen=True, slots=True)
class Call:
    """One control request: the words of its path after ``/_terrella/``, its query and its JSON body.

    ``proven`` is the region that it comes from, by its certificate; empty if it need prove nothing. ``method`` tells
    ``DELETE`` from the other changes.
    """

    words: tuple[str, ...]
    query: dict[str, str]
    body: dict[str, Any]
    proven: str = ""
    method: str = "POST"


Action = Callable[[Call], Awaitable[Any]]
Stream = Callable[[Call], AsyncIterator[bytes]]
"""Raises ``TerrellaError`` when it is called, not when it is read: the answer has begun by then."""


class Control:
    """Dispatches by method and first word. Changes need the header ``x-terrella-control``: no web page can send it.

    ``pages`` are what is answered in a form of its own. What can be read once and followed is in both tables:
    ``?watch`` follows it.
    """

    def __init__(
        self,
        reads: dict[str, Action],
        streams: dict[str, Stream],
        changes: dict[str, Action],
        pages: Mapping[str, Handler] | None = None,
    ) -> None:
        self._reads = reads
        self._streams = streams
        self._changes = changes
        self._pages = pages or {}

    async def handle(self, request: Request) -> Response:
        """Answer one request; a ``TerrellaError`` is answered as 400 with its sentence."""
        words = tuple(unquote(word) for word in request.path.removeprefix(_PREFIX).split("/") if word)
        name = words[0] if words else ""
        query = {key: values[-1] for key, values in parse_qs(request.query, keep_blank_values=True).items()}
        if request.method == "GET" and name in self._pages:
            return await self._pages[name](request)
        if request.method == "GET" and name in self._streams and (name not in self._reads or "watch" in query):
            try:
                lines = self._streams[name](Call(words, query, {}))
            except TerrellaError as error:
                return json_response({"error": str(error)}, 400)
            return Response(200, [("content-type", "application/x-ndjson")], lines)
        table = self._reads if request.method == "GET" else self._changes
        action = table.get(name)
        if action is None:
            known = ", ".join(sorted({*self._reads, *self._streams, *self._changes, *self._pages}))
            return json_response({"error": f"there is no {request.method} {name!r} here; there are {known}"}, 404)
        if request.method != "GET" and not request.header(CONTROL_HEADER):
            return json_response({"error": f"changes need the header {CONTROL_HEADER}: 1"}, 403)
        try:
            body = msgspec.json.decode(request.body, type=dict[str, Any]) if request.body else {}
            return json_response(await action(Call(words, query, body, request.proven, request.method)))
        except (msgspec.DecodeError, TerrellaError) as error:
            return json_response({"error": str(error)}, 400)
