"""A stream of bytes to another process, over a bare socket, a shaped link, or a simulated one."""

from typing import Protocol


class Connection(Protocol):
    """An open, ordered, two-way stream of bytes."""

    async def read(self, max_bytes: int = 65536) -> bytes:
        """The next bytes, at least one; ``b""`` once the other side has closed. Raises ``ConnectionError``."""
        ...

    async def write(self, data: bytes) -> None:
        """Send; waits while too much is under way. Raises ``ConnectionError``."""
        ...

    def close(self) -> None:
        """Close at once; further reads and writes raise ``ConnectionError``. May be called twice."""
        ...


class Connector(Protocol):
    """Opens connections to other regions over the links of this one."""

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        """Connect to a port of a region; raises ``TimeoutError`` or ``ConnectionError`` as the network would."""
        ...
