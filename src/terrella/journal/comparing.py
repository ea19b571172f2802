"""Both ends of a comparison of two replicas: one's own, and a peer's over the connection on which it is pulled from."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from terrella.journal.antientropy import (
    KEYS_ASKED_MAX,
    PAGE_ENTRIES,
    Digests,
    Held,
    Page,
    VerificationError,
    pack_version,
    unpack_version,
)
from terrella.journal.applying import merge_version
from terrella.journal.errors import ProtocolError
from terrella.journal.joining import once
from terrella.journal.model import PULLED, Dot, Version
from terrella.journal.protocol import (
    Message,
    VerifyAsk,
    VerifyDigests,
    VerifyEntries,
    VerifyRefused,
    VerifyVersions,
    flatten,
    unflatten,
)
from terrella.journal.pulling import Effect, Puller, Send, Work
from terrella.journal.reading import Reader
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.tombstones import is_stable, stable_in
from terrella.journal.vectors import covers
from terrella.journal.verifying import Digest, EntryDigest, Paging, Verification, applied
from terrella.kernel import Clock

_ANSWER_TIMEOUT_S = 600.0
_ASKED_MAX = 16

# Runs an iterator a step at a time, with others in between, then calls back.
InTurns = Callable[[Iterator[None], Callable[[], None]], None]
Answer = VerifyDigests | VerifyEntries | VerifyVersions | VerifyRefused


class Replica:
    """This region's replicas, read in small steps."""

    def __init__(self, store: Store, reader: Reader, clock: Clock) -> None:
        self.store = store
        self._reader = reader
        self._verification = Verification(store, reader, clock)

    def state(self, data_set_id: str) -> DataSetState:
        """The data set; raises ``VerificationError`` if it is none to be compared."""
        state = self.store.catalog.data_sets.get(data_set_id)
        if state is None or not state.declared or state.dropped or state.definition.lane not in PULLED:
            raise VerificationError(f"{self.store.region} has no such data set that is replicated")
        if state.on_the_way_in or self.store.region not in state.definition.members:
            raise VerificationError(f"{self.store.region} is no member of {state.definition.name} with a whole state")
        return state

    def digesting(self, data_set_id: str) -> tuple[Digest, Iterator[None]]:
        """Digests, and the steps that fill them in."""
        state = self.state(data_set_id)
        digest = Digest(applied(state))
        return digest, self._verification.digesting(state, digest)

    def paging(
        self, data_set_id: str, buckets: Collection[int], after: bytes | None, through: bytes | None
    ) -> tuple[Paging, Iterator[None]]:
        """A page of entries, and the steps that fill it in."""
        state = self.state(data_set_id)
        page = Paging(applied(state), PAGE_ENTRIES)
        return page, self._verification.paging(state, buckets, after, through, page)

    def held(self, data_set_id: str, keys: Sequence[bytes]) -> Held:
        """What is stored at a few keys."""
        state = self.state(data_set_id)
        stable = stable_in(state, self.store.region)
        versions: dict[bytes, Version] = {}
        logged: set[bytes] = set()
        for key in keys:
            version = self._reader.stored(state, key)
            if version is None or (version.value is None and is_stable(version, stable)):
                continue
            versions[key] = version
            if self._reader.is_logged(state.streams[version.dot.origin], version.dot.sequence):
                logged.add(key)
        return Held(applied(state), versions, frozenset(logged))

    def merging(self, data_set_id: str, key: bytes, version: Version) -> Work:
        """Work that merges a version which this region has applied once, and answers whether that changed anything."""
        return once(lambda store: _merge(store, store.catalog.declared(data_set_id), key, version))


def _merge(store: Store, state: DataSetState, key: bytes, version: Version) -> bool:
    """What is not applied yet comes by the log, in its order."""
    if state.on_the_way_in or not covers(state.applied, version.dot):
        return False
    store.hlc.observe(version.hlc)
    return merge_version(store, state, key, version)


class OwnSide:
    """A ``Side``: this region's."""

    def __init__(
        self, replica: Replica, perform: Callable[[Work], "asyncio.Future[object]"], pace_s: float = 0.0
    ) -> None:
        self._replica = replica
        self._perform = perform
        self._pace_s = pace_s

    async def digests(self, data_set_id: str) -> Digests:
        """All buckets'."""
        digest, steps = self._replica.digesting(data_set_id)
        await self._in_turns(steps)
        return Digests(digest.vector, digest.buckets, digest.conflicts, digest.moved)

    async def page(
        self, data_set_id: str, buckets: Collection[int], after: bytes | None, through: bytes | None
    ) -> Page:
        """Entries in key order."""
        page, steps = self._replica.paging(data_set_id, buckets, after, through)
        await self._in_turns(steps)
        return Page(page.vector, page.entries, page.through)

    async def held(self, data_set_id: str, keys: Sequence[bytes]) -> Held:
        """What is stored at a few keys."""
        return self._replica.held(data_set_id, keys)

    async def merge(self, data_set_id: str, key: bytes, version: Version) -> None:
        """Merge a version."""
        await self._perform(self._replica.merging(data_set_id, key, version))

    async def _in_turns(self, steps: Iterator[None]) -> None:
        for _ in steps:
            await asyncio.sleep(self._pace_s)


class VerifyClient:
    """The asking end of a connection: a part of its ``Puller``, and a ``Side``."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        self._nudge = nudge
        self._unsent: deque[Message] = deque()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._alive = True

    # as a part

    def step(self, puller: Puller, now: float) -> Sequence[Effect]:
        """Send what waits."""
        del puller, now
        effects = [Send(message) for message in self._unsent]
        self._unsent.clear()
        return effects

    def receive(self, message: Message, now: float) -> Sequence[Effect] | None:
        """An answer."""
        del now
        if not isinstance(message, VerifyDigests | VerifyEntries | VerifyVersions | VerifyRefused):
            return None
        waiting = self._waiting.pop(message.number, None)
        if waiting is not None and not waiting.done():
            if isinstance(message, VerifyRefused):
                waiting.set_exception(VerificationError(message.reason))
            else:
                waiting.set_result(message)
        return []

    def closed(self) -> None:
        """Nobody will answer any more."""
        self._alive = False
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(VerificationError("the connection has ended"))
        self._waiting.clear()

    # as a side

    async def digests(self, data_set_id: str) -> Digests:
        """All buckets'."""
        answer = await self._ask(VerifyAsk(self._next(), data_set_id, "digests", [], None, []))
        if not isinstance(answer, VerifyDigests) or len(answer.buckets) != 256:
            raise VerificationError("digests were asked for, and something else came")
        return Digests(unflatten(answer.vector), answer.buckets, answer.conflicts, answer.moved)

    async def page(
        self, data_set_id: str, buckets: Collection[int], after: bytes | None, through: bytes | None
    ) -> Page:
        """Entries in key order; how far is the peer's to say."""
        assert through is None
        answer = await self._ask(VerifyAsk(self._next(), data_set_id, "entries", sorted(buckets), after, []))
        if not isinstance(answer, VerifyEntries):
            raise VerificationError("entries were asked for, and something else came")
        entries = {
            key: EntryDigest(key, Dot(region, incarnation, sequence), hlc, value_hash)
            for key, region, incarnation, sequence, hlc, value_hash in answer.entries
        }
        if answer.through is not None and after is not None and answer.through <= after:
            raise VerificationError("a page of entries does not go on from the one before")
        return Page(unflatten(answer.vector), entries, answer.through)

    async def held(self, data_set_id: str, keys: Sequence[bytes]) -> Held:
        """What is stored at a few keys."""
        answer = await self._ask(VerifyAsk(self._next(), data_set_id, "versions", [], None, list(keys)))
        if not isinstance(answer, VerifyVersions):
            raise VerificationError("versions were asked for, and something else came")
        versions = {row.key: unpack_version(row) for row in answer.versions}
        return Held(unflatten(answer.vector), versions, frozenset(row.key for row in answer.versions if row.logged))

    async def merge(self, data_set_id: str, key: bytes, version: Version) -> None:
        """Send a version that the peer is to merge; whether it did is seen by the next comparison."""
        row = pack_version(key, version, logged=False)
        await self._ask(VerifyVersions(self._next(), data_set_id, [], [row], repair=True))

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _ask(self, message: VerifyAsk | VerifyVersions) -> Answer:
        if not self._alive:
            raise VerificationError("the connection has ended")
        waiting = self._waiting[message.number] = asyncio.get_running_loop().create_future()
        self._unsent.append(message)
        self._nudge()
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                answer: Answer = await waiting
        except TimeoutError:
            raise VerificationError(f"no answer within {_ANSWER_TIMEOUT_S:g} s") from None
        finally:
            self._waiting.pop(message.number, None)
        return answer


class VerifyServer:
    """The answering end of a connection: a part of its ``PullServer``."""

    def __init__(
        self, replica: Replica, in_turns: InTurns, perform: Callable[[Work, Callable[[object], None]], None]
    ) -> None:
        self._replica = replica
        self._in_turns = in_turns
        self._perform = perform
        self._answers: deque[Message] = deque()
        self._working = 0

    def receive(self, peer: str, message: Message, now: float) -> bool:
        """The peer asks, or sends what is to be merged."""
        del now
        if not isinstance(message, VerifyAsk | VerifyVersions):
            return False
        if self._working >= _ASKED_MAX or len(self._answers) >= _ASKED_MAX:
            raise ProtocolError(f"{peer} asks for more than {_ASKED_MAX} things at a time")
        try:
            if peer not in self._replica.state(message.data_set_id).definition.members:
                raise VerificationError(f"{peer} is no member")
            if isinstance(message, VerifyVersions):
                self._merge(message)
            else:
                self._answer(message)
        except VerificationError as error:
            self._answers.append(VerifyRefused(message.number, str(error)))
        return True

    def next(self, peer: str, now: float) -> Message | None:
        """What has been found out."""
        del peer, now
        return self._answers.popleft() if self._answers else None

    def _answer(self, ask: VerifyAsk) -> None:
        replica = self._replica
        if ask.what == "digests":
            digest, steps = replica.digesting(ask.data_set_id)
            self._work(
                steps,
                lambda: VerifyDigests(
                    ask.number, flatten(digest.vector), digest.buckets, digest.conflicts, digest.moved
                ),
            )
        elif ask.what == "entries":
            page, steps = replica.paging(ask.data_set_id, frozenset(ask.buckets), ask.after, None)
            self._work(
                steps,
                lambda: VerifyEntries(ask.number, flatten(page.vector), _rows(page.entries), page.through),
            )
        else:
            held = replica.held(ask.data_set_id, ask.keys[:KEYS_ASKED_MAX])
            rows = [pack_version(key, version, key in held.logged) for key, version in held.versions.items()]
            self._answers.append(VerifyVersions(ask.number, ask.data_set_id, flatten(held.vector), rows, repair=False))

    def _work(self, steps: Iterator[None], answer: Callable[[], Message]) -> None:
        self._working += 1

        def done() -> None:
            self._working -= 1
            self._answers.append(answer())

        self._in_turns(steps, done)

    def _merge(self, message: VerifyVersions) -> None:
        """The last version's end is the answer; there is one, as this program sends them."""
        if not message.repair or len(message.versions) != 1:
            raise ProtocolError("one version is merged at a time")
        row = message.versions[0]
        self._working += 1

        def done(_changed: object) -> None:
            self._working -= 1
            self._answers.append(VerifyVersions(message.number, message.data_set_id, [], [], repair=False))

        self._perform(self._replica.merging(message.data_set_id, row.key, unpack_version(row)), done)


def _rows(entries: Mapping[bytes, EntryDigest]) -> list[tuple[bytes, str, str, int, int, bytes | None]]:
    return [
        (one.key, one.dot.region, one.dot.incarnation, one.dot.sequence, one.hlc, one.value_hash)
        for one in entries.values()
    ]
