"""Load on one HTTP server: ``wrk`` where it is installed, else a generator of our own (slower: it is Python).

A request is bytes with ``{id}`` in its body where a number of eight digits goes; so every write has a key of its own.
"""

import asyncio
import json
import random
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from benchmarks.figures import percentile
from benchmarks.worlds import cpu_seconds

PLACE = b"{id}"
_DIGITS = 8
_LUA = """
local parts = {{ {before}, {after} }}
local number = {first}
local last = {last}
function request()
  number = number + 1
  if last > 0 and number > last then number = {first} + 1 end
  return parts[1] .. string.format("%08d", number) .. parts[2]
end
{delay}function done(summary, latency, requests)
  local e = summary.errors
  io.stderr:write(string.format(
    '{{"requests":%d,"duration_us":%d,"errors":%d,"p50_us":%d,"p99_us":%d}}',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
_DELAY = """
function delay() return math.random({low}, {high}) end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. ``per_second`` counts answers; ``errors`` whatever was not a 2xx or 3xx.

    ``server_us`` is the processor time that the measured process took for one request: unlike the rate, it hardly
    depends on what else the machine does.
    """

    per_second: float
    errors: int
    p50_ms: float
    p99_ms: float
    requests: int
    tool: str
    server_us: float = 0.0


def request_with_place(request: bytes) -> bytes:
    """``content-length`` made right for what stands in the place later."""
    head, _, body = request.partition(b"\r\n\r\n")
    length = len(body) - len(PLACE) * body.count(PLACE) + _DIGITS * body.count(PLACE)
    lines = [
        b"Content-Length: %d" % length if line.startswith(b"Content-Length") else line for line in head.split(b"\r\n")
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def run_load(
    host: str,
    port: int,
    request: bytes,
    *,
    connections: int,
    seconds: float,
    scratch: Path,
    first: int = 0,
    last: int = 0,
    pid: int | None = None,
    pause_ms: int = 0,
) -> Load:
    """Closed loop: each connection sends its next request when the last is answered. Ids run from ``first``.

    With ``last`` they start over after it, else they go on. ``pid`` is the process whose time is taken.
    With ``pause_ms``, each connection waits about so long between two requests.
    """
    server = psutil.Process(pid) if pid is not None else None
    before_s = cpu_seconds(server) if server is not None else 0.0
    done = _run(host, port, request, connections, seconds, scratch, first, last, pause_ms)
    if server is None:
        return done
    return replace(done, server_us=(cpu_seconds(server) - before_s) * 1e6 / done.requests)


def _run(
    host: str,
    port: int,
    request: bytes,
    connections: int,
    seconds: float,
    scratch: Path,
    first: int,
    last: int,
    pause_ms: int,
) -> Load:
    request = request_with_place(request) if PLACE in request else request
    if shutil.which("wrk"):
        return _wrk(host, port, request, connections, seconds, scratch, first, last, pause_ms)
    return asyncio.run(_own(host, port, _Generator(request, first, last, pause_ms), connections, seconds))


def _wrk(
    host: str,
    port: int,
    request: bytes,
    connections: int,
    seconds: float,
    scratch: Path,
    first: int,
    last: int,
    pause_ms: int,
) -> Load:
    before, place, after = request.partition(PLACE)
    script = scratch / "load.lua"
    text = _LUA.format(
        before=_lua(before),
        after=_lua(after),
        first=first,
        last=last,
        delay=_DELAY.format(low=pause_ms // 2, high=pause_ms * 3 // 2) if pause_ms else "",
    )
    if not place:
        text = text.replace('parts[1] .. string.format("%08d", number) .. parts[2]', "parts[1]")
    script.write_text(text)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "5s", "-s", str(script)]
    done = subprocess.run([*command, f"http://{host}:{port}/"], capture_output=True, text=True, check=True)
    told = json.loads(done.stderr[done.stderr.index("{") :])
    return Load(
        told["requests"] / (told["duration_us"] / 1e6),
        told["errors"],
        told["p50_us"] / 1000,
        told["p99_us"] / 1000,
        told["requests"],
        "wrk",
    )


def _lua(text: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in text) + '"'


class _Client(asyncio.Protocol):
    """Sends a request, and the next when the last is answered, until told to stop."""

    def __init__(self, generator: "_Generator") -> None:
        self._generator = generator
        self._held = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._generator.next_request())

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._held[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._held) < end + 4 + length:
            return
        self._generator.answered(head[9:10] in (b"2", b"3"), time.perf_counter() - self._sent)
        self._held = b""
        if not self._generator.over:
            pause_s = self._generator.pause_s()
            if pause_s:
                asyncio.get_running_loop().call_later(pause_s, self._send)
            else:
                self._send()


class _Generator:
    def __init__(self, request: bytes, first: int, last: int, pause_ms: int) -> None:
        self._before, self._place, self._after = request.partition(PLACE)
        self._number = self._first = first
        self._last = last
        self._pause_ms = pause_ms
        self.over = False
        self.errors = 0
        self.took_s: list[float] = []

    def pause_s(self) -> float:
        return self._pause_ms * (0.5 + random.random()) / 1000

    def next_request(self) -> bytes:
        if not self._place:
            return self._before
        self._number += 1
        if self._last and self._number > self._last:
            self._number = self._first + 1
        return b"%b%08d%b" % (self._before, self._number, self._after)

    def answered(self, well: bool, took_s: float) -> None:
        self.errors += not well
        self.took_s.append(took_s)


async def _own(host: str, port: int, generator: _Generator, connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    pairs = [await loop.create_connection(lambda: _Client(generator), host, port) for _ in range(connections)]
    await asyncio.sleep(seconds)
    generator.over = True
    took = time.perf_counter() - started
    for transport, _ in pairs:
        transport.close()
    count = len(generator.took_s)
    return Load(
        count / took,
        generator.errors,
        percentile(generator.took_s, 0.5) * 1000,
        percentile(generator.took_s, 0.99) * 1000,
        count,
        "own generator",
    )
