"""Time to live: which attribute says when an item expires, in what order items do, and the sweeper that ends them.

Each region sweeps its own copy; what one ends, the others are told of as of any delete. After "Using time to live (TTL)
in DynamoDB": the attribute is a Number of seconds since 1970; other types, and moments more than five years ago, are
left alone; until it is swept an expired item can still be read.
"""

import asyncio
import logging

from terrella.journal import Journal, JournalError
from terrella.kernel import Clock
from terrella.services.tables.catalog import Catalog
from terrella.services.tables.table import TIME_TO_LIVE_INDEX, Table, moment_key
from terrella.services.tables.tokens import Tokens

_log = logging.getLogger(__name__)

SWEEP_INTERVAL_S = 1.0
TOO_OLD_S = 5 * 366 * 24 * 3600
SWEEP_ITEMS_MAX = 5000


class Sweeper:
    """Ends what has expired, table by table, every second; the tokens of old transactions, too."""

    def __init__(self, journal: Journal, catalog: Catalog, tokens: Tokens, clock: Clock) -> None:
        self._journal = journal
        self._catalog = catalog
        self._tokens = tokens
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self.expired = 0

    def start(self) -> None:
        """Sweep from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Sweep no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def sweep(self) -> None:
        """One round."""
        for table in self._catalog.all():
            if table.definition.time_to_live:
                await self._sweep(table)
        await self._tokens.sweep()

    async def _sweep(self, table: Table) -> None:
        now_s = self._clock.now_ms() // 1000
        since, now = moment_key(now_s - TOO_OLD_S), moment_key(now_s)
        # Asked without the writer first: mostly nothing is due.
        due = self._journal.scan_index(
            table.data_set_id, TIME_TO_LIVE_INDEX, start=(since, b""), end=(moment_key(now_s + 1), b""), limit=1
        )
        if due:
            self.expired += await self._journal.expire(
                table.data_set_id, TIME_TO_LIVE_INDEX, since, now, SWEEP_ITEMS_MAX
            )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            try:
                await self.sweep()
            except JournalError as error:
                _log.info("expired items stay for now: %s", error)
