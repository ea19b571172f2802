"""The door of the room: requests in, answers out, and the recorder that runs beside them."""

from terrella.journal import Journal
from terrella.kernel import AwsError, Clock, Ids
from terrella.services.monitoring.metrics import Metrics
from terrella.services.monitoring.operations import OPERATIONS
from terrella.services.monitoring.ports import LatencySource
from terrella.services.monitoring.recorder import Recorder
from terrella.services.monitoring.series import SeriesStore
from terrella.wire.aws import JsonRules, Protocols
from terrella.wire.http import Request, Response


class Monitoring:
    """CloudWatch's metrics in one region."""

    def __init__(self, journal: Journal, region: str, source: LatencySource, clock: Clock, ids: Ids) -> None:
        self._store = SeriesStore(journal, region, clock)
        self._recorder = Recorder(self._store, source, clock)
        self._metrics = Metrics(self._store, self._recorder, clock)
        self._protocols = Protocols("cloudwatch", JsonRules("com.amazonaws.cloudwatch.v2010_08_01"))
        self._ids = ids

    async def start(self) -> None:
        """Open what is kept."""
        await self._store.start()

    async def run(self) -> None:
        """Measure until cancelled."""
        await self._recorder.run()

    async def measure(self) -> None:
        """Measure once, and write down the minute that is over, if one is."""
        await self._recorder.step()

    async def close(self) -> None:
        """Write down what the present minute has brought."""
        await self._recorder.flush()

    async def handle(self, request: Request) -> Response:
        """Answer a request to CloudWatch's API, in the protocol that it speaks."""
        request_id = self._ids.uuid()
        protocol = self._protocols.of(request)
        try:
            name, params = protocol.read(request)
            operation = OPERATIONS.get(name)
            if operation is None:
                words = f"terrella does not implement CloudWatch's {name} yet"
                raise AwsError("UnknownOperationException", words)
            return protocol.respond(name, await operation(self._metrics, params), request_id)
        except AwsError as error:
            return protocol.respond_error(error, request_id)
