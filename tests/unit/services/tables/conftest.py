"""A real region's tables behind a real HTTP server, on a loop of its own, so that boto3 may block."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from terrella.journal import Journal
from terrella.kernel import SystemClock
from terrella.services.tables import Replication, Tables
from terrella.testing import SeededIds
from terrella.wire.http import HttpServer

REGION = "eu-west-1"


class Region:
    """The journal, the tables and the server of one region, in a thread."""

    def __init__(self, directory: Path, replication: Replication | None = None) -> None:
        self._replication = replication
        self._path = directory / f"{REGION}.sqlite"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._ids = SeededIds(7)
        self.run(self._open)

    async def _open(self) -> None:
        self.journal = await Journal.open(self._path, REGION, SystemClock(), self._ids)
        self.tables = Tables(self.journal, REGION, "000000000000", "world", SystemClock(), self._ids, self._replication)
        await self.tables.start()
        self._server = HttpServer(self.tables.handle)
        self.port = await self._server.listen("127.0.0.1", 0)

    async def _close(self) -> None:
        await self._server.close()
        await self.tables.stop()
        await self.journal.close()

    def run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do something on the region's loop."""
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(30)

    def reopen(self) -> None:
        """As a restart of the process would."""
        self.run(self._close)
        self.run(self._open)

    def stop(self) -> None:
        self.run(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        session = boto3.Session("key", "secret", region_name=REGION)
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        return session.client("dynamodb", endpoint_url=self.url, config=config)

    def resource(self) -> Any:
        return boto3.Session("key", "secret", region_name=REGION).resource("dynamodb", endpoint_url=self.url)


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    region = Region(tmp_path_factory.mktemp("region"))
    yield region
    region.stop()


@pytest.fixture(scope="module")
def dynamodb(region: Region) -> Iterator[Any]:
    client = region.client()
    yield client
    client.close()
