"""The control API for tests: plain blocking calls, which also a test that runs in an event loop can make."""

import http.client
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from terrella.testing.plugin.errors import WorldError


class Unanswered(WorldError):  # noqa: N818 - what it says is that nobody answered, which is no error of the caller's
    """Nobody answered."""


class Control:
    """One control API: the supervisor's, or a region's. ``who`` names it in messages."""

    def __init__(self, who: str, address: str, port: int) -> None:
        self.who = who
        self._address = address
        self._port = port

    def get(self, path: str, timeout_s: float = 10.0, **query: object) -> Any:
        """Ask. Raises ``Unanswered`` if nobody answers, ``WorldError`` if the answer is a refusal."""
        return msgspec.json.decode(self._ask("GET", _target(path, query), b"", timeout_s))

    def lines(self, path: str, timeout_s: float = 10.0, **query: object) -> list[Any]:
        """An answer of JSON lines. Raises as ``get`` does."""
        return [
            msgspec.json.decode(line)
            for line in self._ask("GET", _target(path, query), b"", timeout_s).split(b"\n")
            if line
        ]

    def post(self, path: str, body: object, timeout_s: float = 30.0) -> Any:
        """Have something done. Raises as ``get`` does."""
        return msgspec.json.decode(self._ask("POST", _target(path, {}), msgspec.json.encode(body), timeout_s))

    def delete(self, path: str, timeout_s: float = 30.0) -> Any:
        """Have something ended; ``path`` is quoted already. Raises as ``get`` does."""
        return msgspec.json.decode(self._ask("DELETE", f"/_terrella/{path}", b"", timeout_s))

    def _ask(self, method: str, target: str, body: bytes, timeout_s: float) -> bytes:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=timeout_s)
        try:
            connection.request(method, target, body, {"x-terrella-control": "1", "content-type": "application/json"})
            response = connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{self.who} does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise WorldError(f"{self.who}: {_reason(said)}")
        return said


def _target(path: str, query: dict[str, object]) -> str:
    return f"/_terrella/{quote(path)}" + (f"?{urlencode(query)}" if query else "")


def _reason(said: bytes) -> str:
    try:
        return str(msgspec.json.decode(said)["error"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return said.decode("utf-8", "replace").strip()
