"""Replication that is paused on purpose: nothing is open to other regions for it, and nothing is opened."""

from weakref import WeakSet

from terrella.kernel import Connection, Connector


class PullGate:
    """A ``Connector`` that can be closed, with everything that was opened through it."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._open: WeakSet[Connection] = WeakSet()
        self.closed = False

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        """As the connector does; raises ``ConnectionRefusedError`` while it is closed."""
        self._check()
        connection = await self._connector.connect(region, port, timeout_s)
        if self.closed:
            connection.close()
        self._check()
        self._open.add(connection)
        return connection

    def close(self) -> None:
        """Open no more, and close what is open."""
        self.closed = True
        for connection in list(self._open):
            connection.close()
        self._open.clear()

    def open(self) -> None:
        """Open again what is asked for."""
        self.closed = False

    def _check(self) -> None:
        if self.closed:
            raise ConnectionRefusedError("replication is paused")
