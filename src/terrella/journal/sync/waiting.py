"""Who waits for a group: for what becomes of a proposal, for a read's index, for an entry to be applied."""

import asyncio
from typing import Any

from terrella.journal.errors import OutcomeUnknownError, StoreUnavailableError
from terrella.journal.sync.proposals import Outcome


class Waiting:
    """Futures by what they are for."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._proposals: dict[str, asyncio.Future[Outcome]] = {}
        self._reads: dict[str, asyncio.Future[int]] = {}
        self._applied: list[tuple[int, asyncio.Future[None]]] = []
        self._leads: tuple[str | None, int] = (None, 0)
        self.leader_changed: asyncio.Future[None] = self._loop.create_future()

    @property
    def proposals(self) -> int:
        """How many wait for what becomes of a proposal."""
        return len(self._proposals)

    # for those who wait

    def for_proposal(self, id_: str) -> "asyncio.Future[Outcome]":
        """What becomes of a proposal; until ``forget``."""
        future = self._proposals[id_] = self._loop.create_future()
        return future

    def for_read(self, id_: str) -> "asyncio.Future[int]":
        """From which index on a read may be done; until ``forget``."""
        future = self._reads[id_] = self._loop.create_future()
        return future

    def for_applied(self, index: int) -> "asyncio.Future[None]":
        """When an entry has been applied and can be read."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._applied.append((index, future))
        return future

    def forget(self, id_: str) -> None:
        """Nobody waits for this any more."""
        for futures in (self._proposals, self._reads):
            future: asyncio.Future[Any] | None = futures.pop(id_, None)
            if future is not None:
                future.cancel()

    # for the group

    def decided(self, id_: str, outcome: Outcome) -> None:
        """A proposal has been applied here, or refused."""
        future = self._proposals.get(id_)
        if future is not None and not future.done():
            future.set_result(outcome)

    def confirmed(self, id_: str, index: int) -> None:
        """A majority has confirmed who leads."""
        future = self._reads.get(id_)
        if future is not None and not future.done():
            future.set_result(index)

    def applied(self, index: int) -> None:
        """All up to here can be read."""
        waiting = []
        for wanted, future in self._applied:
            if wanted > index:
                waiting.append((wanted, future))
            elif not future.done():
                future.set_result(None)
        self._applied = waiting

    def led_by(self, leader: str | None, term: int) -> None:
        """Who leads, as far as is known: when that changes, it is worth asking again."""
        if (leader, term) != self._leads:
            self._leads = (leader, term)
            self.leader_changed.set_result(None)
            self.leader_changed = self._loop.create_future()

    def end(self, why: str) -> None:
        """Nothing more will be heard of."""
        for proposal in self._proposals.values():
            if not proposal.done():
                proposal.set_exception(OutcomeUnknownError(f"{why}; the write may be done"))
        for read in self._reads.values():
            if not read.done():
                read.set_exception(StoreUnavailableError(why))
        for _, future in self._applied:
            future.cancel()
        self._applied.clear()
