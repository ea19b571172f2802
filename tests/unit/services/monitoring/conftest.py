"""CloudWatch without a network: requests as botocore writes them, answers as botocore reads them."""

import gzip
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import get_session

from terrella.journal import Journal
from terrella.services.monitoring import Latency, Monitoring
from terrella.testing import ManualClock, SeededIds
from terrella.wire.http import Request, Response

MODEL: ServiceModel = get_session().get_service_model("cloudwatch")
PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")
REGION = "us-east-1"


class Replication:
    """The figures as the test wants them."""

    def __init__(self) -> None:
        self.now: list[Latency] = []

    def latencies(self) -> Iterable[Latency]:
        return self.now


def written(protocol: str, operation: str, params: dict[str, Any], *, pack: bool = False) -> Request:
    """A request as botocore sends it."""
    made = create_serializer(protocol).serialize_to_request(params, MODEL.operation_model(operation))
    headers = [(name.lower(), str(value)) for name, value in made["headers"].items()]
    body = made["body"]
    if isinstance(body, dict):
        from urllib.parse import urlencode

        body = urlencode(body).encode()
        headers.append(("content-type", "application/x-www-form-urlencoded; charset=utf-8"))
    if pack:
        body = gzip.compress(body)
        headers.append(("content-encoding", "gzip"))
    return Request("POST", made["url_path"], headers, body)


def read(protocol: str, operation: str, response: Response) -> dict[str, Any]:
    """An answer as botocore understands it."""
    answer = {"status_code": response.status, "headers": dict(response.headers), "body": response.body}
    shape: Any = MODEL.operation_model(operation).output_shape
    parsed: dict[str, Any] = create_parser(protocol).parse(answer, shape)
    return parsed


class Watch:
    """One region's CloudWatch, and the clock that it goes by."""

    def __init__(self, journal: Journal, clock: ManualClock, protocol: str) -> None:
        self.replication = Replication()
        self.clock = clock
        self.protocol = protocol
        self.monitoring = Monitoring(journal, REGION, self.replication, clock, SeededIds())

    async def ask(self, operation: str, *, pack: bool = False, **params: Any) -> dict[str, Any]:
        response = await self.monitoring.handle(written(self.protocol, operation, params, pack=pack))
        return read(self.protocol, operation, response)

    async def fails(self, operation: str, **params: Any) -> tuple[str, str]:
        """The error's code and message, as a client sees them."""
        answer = await self.ask(operation, **params)
        assert "Error" in answer, answer
        return answer["Error"]["Code"], answer["Error"]["Message"]

    async def second(self, milliseconds: float | None, table: str = "items", receiver: str = "eu-west-1") -> None:
        """One measurement, a second after the last."""
        self.replication.now = [Latency(table, receiver, milliseconds)]
        await self.monitoring.measure()
        self.clock.advance(1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_040_000)  # the start of a minute


@pytest.fixture
async def journal(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "store.sqlite", REGION, clock, SeededIds())
    yield opened
    await opened.close()


@pytest.fixture(params=PROTOCOLS)
async def watch(request: pytest.FixtureRequest, journal: Journal, clock: ManualClock) -> Watch:
    made = Watch(journal, clock, request.param)
    await made.monitoring.start()
    return made
