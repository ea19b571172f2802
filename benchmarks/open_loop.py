"""An open loop of writes to several servers at once: each is sent when its time has come, whatever the others take.

A process of its own (``python -m benchmarks.open_loop``), so that it shares no interpreter with who measures. It is
given a ``Plan`` as JSON on its standard input, and tells an ``Outcome`` on its standard output.
"""

import asyncio
import contextlib
import sys
import time
from collections import deque

import msgspec
import uvloop

from benchmarks.figures import percentile
from benchmarks.load import PLACE, request_with_place

CONNECTIONS = 16
_TICK_S = 0.001
_PATIENCE_S = 10.0


class Server(msgspec.Struct):
    """Where to, and what: a request with the place of a number in it; the numbers begin at ``first``."""

    host: str
    port: int
    request: bytes
    first: int


class Plan(msgspec.Struct):
    """``per_second`` to each server, for so many seconds."""

    servers: list[Server]
    per_second: float
    seconds: float


class Outcome(msgspec.Struct):
    """``per_second`` is what the slowest server has answered; latencies count from when a request was due.

    ``unanswered`` are those that had no answer 10 s after the last was sent: there was more than could be done.
    """

    per_second: float
    errors: int
    unanswered: int
    p50_ms: float
    p99_ms: float


class _Tally:
    """What one server has answered so far, of the ``wanted`` requests."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.took_s: list[float] = []
        self.errors = 0
        self.complete = asyncio.Event()

    def answered(self, well: bool, took_s: float) -> None:
        self.took_s.append(took_s)
        self.errors += not well
        if len(self.took_s) == self._wanted:
            self.complete.set()


class _Connection(asyncio.Protocol):
    """Requests go out as they come; answers come back in their order."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._due: deque[float] = deque()
        self._held = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a socket's, though uvloop's is no subclass of it

    def send(self, request: bytes, due: float) -> None:
        self._due.append(due)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        held = self._held + data
        while (end := held.find(b"\r\n\r\n")) >= 0:
            at = held.lower().find(b"content-length:", 0, end)
            whole = end + 4 + int(held[at + 15 : held.index(b"\r\n", at)])
            if len(held) < whole:
                break
            self._tally.answered(held[9:12] == b"200", time.perf_counter() - self._due.popleft())
            held = held[whole:]
        self._held = held


async def _load(plan: Plan, server: Server) -> tuple[float, _Tally]:
    """Answers a second, and which."""
    loop = asyncio.get_running_loop()
    before, _, after = request_with_place(server.request).partition(PLACE)
    wanted = round(plan.per_second * plan.seconds)
    tally = _Tally(wanted)
    lines = [
        (await loop.create_connection(lambda: _Connection(tally), server.host, server.port))[1]
        for _ in range(CONNECTIONS)
    ]
    started = time.perf_counter()
    sent = 0
    while sent < wanted:
        due = min(wanted, int((time.perf_counter() - started) * plan.per_second))
        for number in range(sent, due):
            request = b"%b%08d%b" % (before, server.first + number, after)
            lines[number % CONNECTIONS].send(request, started + number / plan.per_second)
        sent = max(sent, due)
        await asyncio.sleep(_TICK_S)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await tally.complete.wait()
    return len(tally.took_s) / (time.perf_counter() - started), tally


async def _run(plan: Plan) -> Outcome:
    done = await asyncio.gather(*(_load(plan, server) for server in plan.servers))
    took_ms = [1000 * one for _, tally in done for one in tally.took_s]
    unanswered = round(plan.per_second * plan.seconds) * len(done) - len(took_ms)
    errors = sum(tally.errors for _, tally in done)
    slowest = min(rate for rate, _ in done)
    return Outcome(slowest, errors, unanswered, percentile(took_ms, 0.5), percentile(took_ms, 0.99))


if __name__ == "__main__":
    outcome = uvloop.run(_run(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
