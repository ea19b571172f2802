"""Bulletins: what a region tells the others and the front door, as an endless stream of JSON lines.

A line is sent when something changed and at least every ``INTERVAL_S``, so that silence means trouble. The reading side
reports a stream that broke or fell silent; what the region had said is then no longer counted on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from terrella.kernel import Connection, Ids
from terrella.wire.http import HttpClient, HttpError, Request

INTERVAL_S = 0.2
SILENCE_S = 2.0
_COALESCE_S = 0.01
_RETRY_MIN_S = 0.05
_RETRY_MAX_S = 1.0


class BulletinBoard:
    """The writing side: ``changed`` wakes every reader; ``compose(full)`` makes the line that they get.

    ``full`` lines carry the region's whole status, for the front door; the others travel over links and are short. The
    contribution to names and health goes out only when the reader does not have this version of it.
    """

    def __init__(self, compose: Callable[[bool], dict[str, Any]]) -> None:
        self._compose = compose
        self._waiters: set[asyncio.Event] = set()

    def changed(self) -> None:
        """Send a line to every reader soon."""
        for waiter in self._waiters:
            waiter.set()

    async def lines(self, *, full: bool) -> AsyncIterator[bytes]:
        """The stream for one reader."""
        sent_version: object = None
        news = asyncio.Event()
        self._waiters.add(news)
        try:
            while True:
                line = self._compose(full)
                version = line["contribution"].get("version")
                if version == sent_version:
                    del line["contribution"]
                sent_version = version
                yield msgspec.json.encode(line) + b"\n"
                try:
                    async with asyncio.timeout(INTERVAL_S):
                        await news.wait()
                    await asyncio.sleep(_COALESCE_S)
                except TimeoutError:
                    pass
                news.clear()
        finally:
            self._waiters.discard(news)


class BulletinReader:
    """The reading side: keeps one stream open to one region, for as long as ``run`` is not cancelled.

    ``on_line`` gets each bulletin; ``on_break`` why the stream ended (also when it could not be opened).
    """

    def __init__(
        self,
        open_connection: Callable[[], Awaitable[Connection]],
        on_line: Callable[[dict[str, Any]], None],
        on_break: Callable[[str], None],
        ids: Ids,
        *,
        full: bool = False,
    ) -> None:
        self._target = "/_terrella/bulletin" + ("?full=1" if full else "")
        self._client = HttpClient(open_connection, max_idle=0)
        self._on_line = on_line
        self._on_break = on_break
        self._ids = ids
        self._wake = asyncio.Event()

    def poke(self) -> None:
        """A way to the region may have opened: try now."""
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled; reconnects with backoff and jitter."""
        failures = 0
        while True:
            heard = False
            try:
                async for line in self._stream():
                    heard = True
                    failures = 0
                    self._on_line(line)
                self._on_break("the region closed the stream")
            except (TimeoutError, OSError, msgspec.DecodeError) as error:
                self._on_break(str(error) or type(error).__name__)
            failures = 0 if heard else failures + 1
            pause_s = min(_RETRY_MAX_S, _RETRY_MIN_S * 2**failures) * (0.5 + self._ids.fraction())
            self._wake.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _stream(self) -> AsyncIterator[dict[str, Any]]:
        request = Request("GET", self._target, [("host", "terrella")])
        response, chunks = await self._client.stream(request, timeout_s=SILENCE_S)
        if response.status != 200:
            raise HttpError(f"the region answered {response.status} to a request for its bulletin")
        held = b""
        while True:
            async with asyncio.timeout(SILENCE_S):
                chunk = await anext(chunks, b"")
            if not chunk:
                return
            *lines, held = (held + chunk).split(b"\n")
            for line in lines:
                yield msgspec.json.decode(line)
