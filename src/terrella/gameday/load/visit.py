"""What a kind of request is given to send: one client at one moment. Python files see it as ``client``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from terrella.gameday.load.writes import Known, ReadBack, Write
from terrella.kernel import TerrellaError


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it is to be sent, and what is expected of it.

    ``expects`` are the statuses that are answers (None: 200 to 399). ``reads`` is a write that had been acknowledged
    before: an answer with one of ``absent``, or one without ``shows``, is stale. ``write`` is what this writes; its
    token is empty where the answer tells it at ``token_from``. ``retry`` is whether it may be sent again.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    expects: frozenset[int] | None = None
    absent: frozenset[int] = frozenset({404})
    reads: Write | None = None
    shows: str | None = None
    write: Write | None = None
    token_from: str | None = None
    retry: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: ``status`` 0 is no response (``error`` says why); ``region`` answered or was tried last."""

    status: int
    body: bytes = b""
    region: str = ""
    attempts: int = 1
    error: str = ""
    unsure: bool = False
    """Whether some attempt may have been carried out although nobody said so."""

    def json(self) -> Any:
        """The body, decoded. Raises ``TerrellaError`` if it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise TerrellaError(f"found an answer that is no JSON ({error}): {self.body[:100]!r}") from error


class Sender(Protocol):
    """What the generator does for a visit."""

    async def send(self, visit: "Visit", call: Call) -> Answer:
        """Send it as a client would, and tell the sample."""
        ...

    def new_id(self) -> str:
        """An id that no other request of this run has."""
        ...

    def draw(self, known: Known, client: str) -> Write | None:
        """Something that was written."""
        ...


@dataclass(slots=True)
class Visit:
    """A client comes to do one kind of request. ``n`` counts all visits of the run from 0."""

    sender: Sender
    kind: str
    vantage_point: str
    client: str
    n: int
    intended_s: float | None
    """When the open loop meant it to start; taken by its first request, later ones count from their own start."""

    def new_id(self) -> str:
        """An id that no other request of this run has."""
        return self.sender.new_id()

    def known(self, which: Known = "written") -> Write | None:
        """Something that was written and acknowledged before; None as long as there is nothing."""
        return self.sender.draw(which, self.client)

    def values(self) -> dict[str, str | int]:
        """What the placeholders stand for, all but ``id``."""
        return {"n": self.n, "vantage_point": self.vantage_point, "client": self.client}

    async def send(self, call: Call) -> Answer:
        """Send one request; time-outs, retries and the sample are seen to."""
        return await self.sender.send(self, call)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        writes: str | None = None,
        read_back: str | None = None,
        shows: str | None = None,
        reads: Write | None = None,
        expects: tuple[int, ...] | None = None,
        retry: bool = True,
    ) -> Answer:
        """Send one request. ``body``: bytes, text, or what becomes JSON.

        ``writes`` is the token of what this writes and ``read_back`` the path at which every region must show it in the
        end (with ``shows`` in the answer, if given); ``reads`` is what ``known`` gave: not finding it is a stale read.
        """
        write = None
        if writes is not None:
            back = ReadBack("GET", read_back, shows) if read_back is not None else None
            values = {**self.values(), "id": writes}
            write = Write(writes, self.kind, self.client, values, back, shows)
        content, kind = encode_body(body)
        return await self.send(
            Call(
                method,
                path,
                tuple({**kind, **(headers or {})}.items()),
                content,
                frozenset(expects) if expects is not None else None,
                reads=reads,
                shows=shows if shows is not None else reads.shows if reads is not None else None,
                write=write,
                retry=retry,
            )
        )

    async def get(self, path: str, **options: Any) -> Answer:
        """``request`` with GET."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, body: object = None, **options: Any) -> Answer:
        """``request`` with POST."""
        return await self.request("POST", path, body=body, **options)

    async def put(self, path: str, body: object = None, **options: Any) -> Answer:
        """``request`` with PUT."""
        return await self.request("PUT", path, body=body, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        """``request`` with DELETE."""
        return await self.request("DELETE", path, **options)


def encode_body(body: object) -> tuple[bytes, dict[str, str]]:
    """A body as bytes, and the header that says what it is."""
    if body is None:
        return b"", {}
    if isinstance(body, bytes):
        return body, {}
    if isinstance(body, str):
        return body.encode(), {}
    return msgspec.json.encode(body), {"content-type": "application/json"}
