"""A store's committed state, as the two sides of pulling see it."""

from terrella.journal.model import PULLED, Origin, Vector
from terrella.journal.reading import Reader
from terrella.journal.store import Store
from terrella.kernel import Clock


class CommittedState:
    """What is served to peers, and into which is pulled. Remembered until ``refresh`` says that it changed."""

    def __init__(self, store: Store, reader: Reader, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock
        self.region = store.region
        self.incarnation = store.incarnation
        self._vectors: dict[str, dict[str, Vector]] = {}

    def refresh(self) -> None:
        """Something was committed, declared or dropped."""
        self._vectors.clear()

    def clock_ms(self) -> int:
        """Wall clock, milliseconds since 1970."""
        return self._clock.now_ms()

    def vectors(self, peer: str) -> dict[str, Vector]:
        """What is applied and committed of each declared data set that is replicated with the peer."""
        vectors = self._vectors.get(peer)
        if vectors is None:
            vectors = self._vectors[peer] = {
                data_set_id: state.vector
                for data_set_id, state in self._store.catalog.data_sets.items()
                if state.declared and state.definition.lane in PULLED and peer in state.definition.holders
            }
        return vectors

    def floor(self, data_set_id: str, origin: Origin) -> int:
        """The oldest sequence still in the log."""
        return self._store.catalog.declared(data_set_id).streams[origin].floor

    def records(self, data_set_id: str, origin: Origin, after: int, records_max: int, bytes_max: int) -> list[bytes]:
        """Committed records after a sequence."""
        stream = self._store.catalog.declared(data_set_id).streams[origin]
        return self._reader.log(stream, after, records_max, bytes_max)

    def acknowledge(self, peer: str, data_set_id: str, vector: Vector) -> None:
        """The peer has applied this much."""
        self._store.note_acknowledgement(peer, data_set_id, vector)
