"""Reading every acknowledged write back from every region: what is lost, and what is there twice."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import repeat

import msgspec

from terrella.gameday.load.addresses import WorldAddresses
from terrella.gameday.load.requests import fill, fill_path
from terrella.gameday.load.writes import ReadBack, Write, Writes
from terrella.wire.http import HttpClient, Request, SocketConnection

_CONCURRENT = 8
_ATTEMPTS = 8
_PAUSE_S = 0.25
_PAUSE_MAX_S = 5.0
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class WrittenAs:
    """How often one write is found in one region (``count``); ``status`` is what its read answered."""

    write: Write
    region: str
    status: int
    count: int


@dataclass(slots=True)
class WriteCheck:
    """What was found. ``acknowledged`` writes were read from each of ``regions``.

    ``lost``: acknowledged, and not there. ``duplicated``: there more than once. ``unread``: no verdict, for the region
    did not answer, or said neither yes nor no; they are no writes found. ``unchecked`` have no ``read_back``.
    ``doubtful`` were never acknowledged, but may have happened; ``doubtful_found`` is how many of them a region has.
    """

    regions: tuple[str, ...] = ()
    acknowledged: int = 0
    unchecked: int = 0
    doubtful: int = 0
    doubtful_found: int = 0
    lost: list[WrittenAs] = field(default_factory=list)
    duplicated: list[WrittenAs] = field(default_factory=list)
    unread: list[WrittenAs] = field(default_factory=list)

    @property
    def lost_writes(self) -> int:
        """Acknowledged writes that at least one region does not have."""
        return len({found.write.token for found in self.lost})

    @property
    def duplicated_writes(self) -> int:
        """Acknowledged writes that at least one region has more than once."""
        return len({found.write.token for found in self.duplicated})


async def check_writes(
    writes: Writes,
    world: WorldAddresses,
    regions: Iterable[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    attempts: int = _ATTEMPTS,
) -> WriteCheck:
    """Read every write back from every region by its address, without distance. To be called once the world converged.

    What is not answered is asked for again, ``attempts`` times in all: the load may have left much to do.
    ``on_progress`` is told how many reads are done, of how many.
    """
    asked = tuple(regions if regions is not None else world.regions)
    check = WriteCheck(asked, len(writes.acknowledged), doubtful=len(writes.may))
    todo = [(write, write.read_back) for write in writes.acknowledged.values() if write.read_back is not None]
    check.unchecked = check.acknowledged - len(todo)
    doubtful = [(write, write.read_back) for write in writes.may.values() if write.read_back is not None]
    total, done = (len(todo) + len(doubtful)) * len(asked), 0
    found_doubtful: set[str] = set()

    async def read_from(region: str) -> None:
        nonlocal done
        address = world.regions[region]
        client = HttpClient(lambda: SocketConnection.open(address, world.application_port))
        waiting = iter([*zip(todo, repeat(True)), *zip(doubtful, repeat(False))])
        answers = True

        async def read_one_after_another() -> None:
            nonlocal done, answers
            for (write, back), acknowledged in waiting:
                # A region that has not answered that often is not waited for again, until it answers.
                status, count = await _read(client, world.host_of(address), write, back, attempts if answers else 1)
                answers = count >= 0
                found = WrittenAs(write, region, status, count)
                if acknowledged:
                    _judge(check, found)
                elif count > 0:
                    found_doubtful.add(write.token)
                done += 1
                if on_progress is not None:
                    on_progress(done, total)

        await asyncio.gather(*(read_one_after_another() for _ in range(_CONCURRENT)))
        client.close()

    await asyncio.gather(*map(read_from, asked))
    check.doubtful_found = len(found_doubtful)
    return check


def _judge(check: WriteCheck, found: WrittenAs) -> None:
    if found.count < 0:
        check.unread.append(found)
    elif found.count == 0:
        check.lost.append(found)
    elif found.count > 1:
        check.duplicated.append(found)


async def _read(client: HttpClient, host: str, write: Write, back: ReadBack, attempts: int) -> tuple[int, int]:
    """The status, and how often the write is there; -1 if that cannot be told."""
    request = Request(back.method, fill_path(back.path, write.values), [("host", host)], b"")
    for attempt in range(attempts):
        if attempt:
            await asyncio.sleep(min(_PAUSE_MAX_S, _PAUSE_S * 2 ** (attempt - 1)))
        try:
            response = await client.send(request, _TIMEOUT_S)
        except (OSError, TimeoutError):
            continue
        if response.status in (404, 410):
            return response.status, 0
        if 200 <= response.status < 300:
            assert isinstance(response.body, bytes)
            return response.status, _count(response.body, write, back)
    return 0, -1


def _count(body: bytes, write: Write, back: ReadBack) -> int:
    if back.shows is not None and str(fill(back.shows, write.values)).encode() not in body:
        return 0
    if back.counts is None:
        return 1
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return -1
    for step in filter(None, back.counts.split(".")):
        found = found.get(step) if isinstance(found, dict) else None
    return len(found) if isinstance(found, list) else -1
