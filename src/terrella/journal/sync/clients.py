"""A group's door for this region's clients: judge, propose, and answer only what is certain."""

import asyncio
from collections.abc import Callable
from typing import Any

from terrella.journal.errors import JournalError, OutcomeUnknownError, StoreUnavailableError, WriteConflictError
from terrella.journal.journal import Journal
from terrella.journal.sync.group import SyncGroup
from terrella.journal.sync.proposals import FORMAT, Change, Outcome, Proposal, encode_proposal
from terrella.journal.sync.transaction import SyncTransaction
from terrella.kernel import Clock, Ids

PATIENCE_S = 5.0


class GroupClients:
    """``patience_s`` is how long a write or a read waits for a majority."""

    def __init__(
        self, group: SyncGroup, journal: Journal, clock: Clock, ids: Ids, patience_s: float = PATIENCE_S
    ) -> None:
        self.patience_s = patience_s
        self._group = group
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._busy_keys: dict[bytes, asyncio.Future[None]] = {}

    async def write(self, judge: Callable[[Any], Any]) -> Any:
        """Judge on committed state, and propose; see ``Journal.write``.

        What the judge says without a proposal (it raises, or changes nothing) may be said of a state that is out of
        date: then it judges again, on one that is not.
        """
        certain = False
        while True:
            transaction = SyncTransaction(self._journal.store, self._journal.reader, self._group.data_set_id)
            verdict: Exception | None = None
            result = None
            try:
                result = judge(transaction)
            except JournalError:
                raise
            except Exception as raised:  # noqa: BLE001 - the judge's own verdict, delivered once it is certain
                verdict = raised
            busy = [self._busy_keys[key] for key in transaction.keys if key in self._busy_keys]
            if busy:
                await asyncio.wait(busy)  # what this region itself is about to write is judged after that
                continue
            if verdict is None and transaction.writes:
                await self._decide(transaction.changes())
                return result
            if not certain:
                await self.catch_up()
                certain = True
                continue
            if verdict is not None:
                raise verdict
            return result

    async def _decide(self, changes: list[Change]) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for change in changes:
            self._busy_keys[change.key] = done
        try:
            outcome = await self.propose(changes)
        finally:
            for change in changes:
                del self._busy_keys[change.key]
            done.set_result(None)
        name = self._group.name
        if outcome is Outcome.CONFLICT:
            raise WriteConflictError(f"{name}: another region has changed the item meanwhile; nothing was written")
        if outcome is Outcome.EXPIRED:
            raise StoreUnavailableError(f"{name}: the write came too late to be made; nothing was written")

    async def propose(self, changes: list[Change]) -> Outcome:
        """Have changes made, or refused; raises ``OutcomeUnknownError``, ``StoreUnavailableError`` (not made)."""
        group = self._group
        node = group.ready()
        data = encode_proposal(Proposal(FORMAT, node.applied, self._journal.store.hlc.tick(), changes))
        request = group.waiting.ask(self._ids.token(24), data, node)
        try:
            async with asyncio.timeout(self.patience_s):
                outcome: Outcome = await request.future
        except TimeoutError:
            if request.handed_in:
                raise OutcomeUnknownError(
                    f"{group.name}: no majority has answered within {self.patience_s:g} s; the write may be done"
                ) from None
            raise StoreUnavailableError(f"{group.name}: no leader can be reached; nothing was written") from None
        finally:
            group.waiting.forget(request)
        return outcome

    async def catch_up(self) -> None:
        """Return when all that was acknowledged before the call is applied and readable here.

        Raises ``StoreUnavailableError`` if no majority answers.
        """
        group = self._group
        request = group.waiting.ask(self._ids.token(24), None, group.ready())
        try:
            async with asyncio.timeout(self.patience_s):
                index: int = await request.future
                if group.ready().applied < index:
                    await group.waiting.for_applied(index)
        except TimeoutError:
            raise StoreUnavailableError(
                f"{group.name}: no majority has answered within {self.patience_s:g} s"
            ) from None
        finally:
            group.waiting.forget(request)
