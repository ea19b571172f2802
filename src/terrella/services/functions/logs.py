"""A function's log: the newest lines in memory, all of them in a file, with followers.

The file holds one JSON object a line. It is flushed a few times a second, so a region that is killed may lose its
functions' last lines; they are for people, nothing depends on them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from terrella.kernel import Clock

RING_LINES = 2000
FILE_MAX_BYTES = 16 * 1024 * 1024
_FLUSH_S = 0.2
_FOLLOWER_LINES_MAX = 10_000


class LogLine(msgspec.Struct, frozen=True):
    """One line. ``az`` is empty for what concerns the whole function, ``request_id`` outside of any invocation."""

    time_ms: int
    az: str
    request_id: str
    message: str


class FunctionLog:
    """The log of one function in one region."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._encode = msgspec.json.Encoder().encode
        self._ring: deque[LogLine] = deque(maxlen=RING_LINES)
        self._followers: set[asyncio.Queue[LogLine | None]] = set()
        self._file: BinaryIO | None = None
        self._size_bytes = 0
        self._flush_timer: asyncio.TimerHandle | None = None
        self._restore()

    def _restore(self) -> None:
        """What an earlier process of this region has written."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - RING_LINES * 200))
            for line in file.read().splitlines():
                try:
                    self._ring.append(msgspec.json.decode(line, type=LogLine))
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue  # cut off: at the start by the seek, at the end by a kill

    def append(self, az: str, request_id: str, message: str) -> None:
        """Add a line, stamped now."""
        line = LogLine(self._clock.now_ms(), az, request_id, message)
        self._ring.append(line)
        for follower in self._followers:
            if follower.qsize() < _FOLLOWER_LINES_MAX:
                follower.put_nowait(line)
        file = self._file or self._open()
        self._size_bytes += file.write(self._encode(line) + b"\n")
        if self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(_FLUSH_S, self._flush)

    def tail(self, lines: int) -> list[LogLine]:
        """The newest lines, oldest first."""
        newest = list(self._ring)
        return newest[-lines:] if lines > 0 else []

    async def follow(self, lines: int) -> AsyncIterator[LogLine]:
        """The newest lines, then every further one, until the log is closed."""
        follower: asyncio.Queue[LogLine | None] = asyncio.Queue()
        self._followers.add(follower)
        try:
            for line in self.tail(lines):
                yield line
            while (further := await follower.get()) is not None:
                yield further
        finally:
            self._followers.discard(follower)

    def close(self) -> None:
        """Write out everything; followers end."""
        for follower in self._followers:
            follower.put_nowait(None)
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=1 << 18)
        self._size_bytes = self._file.tell()
        return self._file

    def _flush(self) -> None:
        self._flush_timer = None
        if self._file is None:
            return
        self._file.flush()
        if self._size_bytes > FILE_MAX_BYTES:
            self._file.close()
            self._file = None
            self._path.replace(self._path.with_suffix(".log.1"))
