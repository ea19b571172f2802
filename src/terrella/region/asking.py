"""One region asks another's control API, over the link between them."""

from functools import partial
from typing import Any

import msgspec

from terrella.kernel import Connector, TerrellaError
from terrella.region.control import CONTROL_HEADER
from terrella.wire.http import HttpClient, Request

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0


class Asking:
    """``connector`` opens connections through the other regions' doors, which are at ``port``."""

    def __init__(self, connector: Connector, port: int) -> None:
        self._connector = connector
        self._port = port
        self._kept: dict[str, HttpClient] = {}

    async def tell(self, region: str, path: str, body: dict[str, str]) -> None:
        """Say something on a connection that is kept; lost, if that has ended meanwhile. Raises as ``ask`` does."""
        client = self._kept.get(region)
        if client is None:
            client = self._kept[region] = HttpClient(
                partial(self._connector.connect, region, self._port, CONNECT_TIMEOUT_S), max_idle=1
            )
        headers = [("host", "terrella"), (CONTROL_HEADER, "1")]
        request = Request("POST", f"/_terrella/{path}", headers, msgspec.json.encode(body))
        response = await client.send(request, ANSWER_TIMEOUT_S)
        if response.status != 200:
            raise TerrellaError(f"{region} answered {response.status} to {path}")

    def close(self) -> None:
        """Close the connections that are kept."""
        for client in self._kept.values():
            client.close()

    async def ask(self, region: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One question, one answer. Raises ``TerrellaError`` for a refusal, ``OSError`` if there is no answer."""
        client = HttpClient(partial(self._connector.connect, region, self._port, CONNECT_TIMEOUT_S), max_idle=0)
        headers = [("host", "terrella"), ("connection", "close")]
        content = b""
        if method != "GET":
            headers.append((CONTROL_HEADER, "1"))
            content = msgspec.json.encode(body or {})
        response = await client.send(Request(method, f"/_terrella/{path}", headers, content), ANSWER_TIMEOUT_S)
        assert isinstance(response.body, bytes)
        try:
            answer = msgspec.json.decode(response.body)
        except msgspec.DecodeError as error:
            raise TerrellaError(f"{region} answered {path} with what is no JSON") from error
        if response.status != 200:
            said = answer.get("error") if isinstance(answer, dict) else None
            raise TerrellaError(f"{region}: {said or response.status}")
        return answer

    async def get(self, region: str, path: str) -> Any:
        """Ask without changing anything."""
        return await self.ask(region, "GET", path)
