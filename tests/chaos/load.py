"""Clients that write to every region all the time, and remember exactly what they were told."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from terrella.wire.http import HttpClient, Request, SocketConnection

TABLE = "things"
_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Told:
    """What clients know: the writes (by their names) that were acknowledged, refused, or whose outcome is unknown."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # name of the write -> key
    unknown: int = 0
    refused: int = 0
    deletes: int = 0
    problems: list[str] = field(default_factory=list)


class Clients:
    """Some clients at one region, each with one request under way at a time."""

    def __init__(self, region: str, address: str, keys: int, rate: float, seed: int, told: Told) -> None:
        self._region = region
        self._keys = keys
        self._rate = rate
        self._random = random.Random(seed)
        self._told = told
        self._http = HttpClient(partial(SocketConnection.open, address, 4566, 2.0))
        self._written = 0

    async def run(self, clients: int, stop: asyncio.Event) -> None:
        """Write until told to stop."""
        await asyncio.gather(*(self._client(clients / self._rate, stop) for _ in range(clients)))
        self._http.close()

    async def _client(self, pause_s: float, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._one()
            await asyncio.sleep(pause_s * 2 * self._random.random())

    async def _one(self) -> None:
        self._written += 1
        name = f"{self._region}-{self._written}"
        key = f"key-{self._random.randrange(self._keys)}"
        operation, body = self._operation(key, name)
        try:
            response = await self._http.send(self._request(operation, body), _TIMEOUT_S)
        except ConnectionRefusedError:
            self._told.refused += 1
            return
        except (OSError, TimeoutError):
            self._told.unknown += 1
            return
        content = response.body if isinstance(response.body, bytes) else b""
        if response.status == 200 and operation == "DeleteItem":
            self._told.deletes += 1
        elif response.status == 200:
            self._told.acknowledged[name] = key
        elif b"ConditionalCheckFailed" in content or b"ServiceUnavailable" in content:
            self._told.refused += 1
        elif response.status >= 500:
            self._told.unknown += 1
        else:
            self._told.problems.append(f"{operation} in {self._region}: {response.status} {content[:200]!r}")

    def _operation(self, key: str, name: str) -> tuple[str, dict[str, Any]]:
        """Mostly puts; updates and deletes, some with conditions, so that writes depend on what they replace."""
        chance = self._random.random()
        which: dict[str, Any] = {"TableName": TABLE, "Key": {"id": {"S": key}}}
        item: dict[str, Any] = {
            "id": {"S": key},
            "write": {"S": name},
            "filling": {"S": "x" * self._random.randrange(200)},
        }
        if chance < 0.6:
            return "PutItem", {"TableName": TABLE, "Item": item}
        if chance < 0.7:
            return "PutItem", {
                "TableName": TABLE,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(id)",
            }
        if chance < 0.9:
            return "UpdateItem", {
                **which,
                "UpdateExpression": "SET #write = :name ADD #count :one",
                "ExpressionAttributeNames": {"#write": "write", "#count": "count"},
                "ExpressionAttributeValues": {":name": {"S": name}, ":one": {"N": "1"}},
            }
        return "DeleteItem", which

    def _request(self, operation: str, body: dict[str, object]) -> Request:
        credential = f"test/20260101/{self._region}/dynamodb/aws4_request"
        headers = [
            ("host", f"dynamodb.{self._region}.amazonaws.com"),
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", f"DynamoDB_20120810.{operation}"),
            ("authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
        ]
        return Request("POST", "/", headers, json.dumps(body).encode())
