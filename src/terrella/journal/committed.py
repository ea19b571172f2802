"""A store's committed state, as the two sides of pulling see it."""

from terrella.journal.model import PULLED, DataSet, Lane, Origin, Vector
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
        self._vectors: dict[str, dict[str, Vector]] = {}
        self._definitions: dict[str, DataSet] | None = None
        self._last_definitions: dict[str, DataSet] = {}
        self._unpulled: frozenset[str] | None = None
        self._drawn = frozenset(
            incarnation for (incarnation,) in store.connection.execute("select incarnation from incarnations")
        )

    @property
    def incarnation(self) -> str:
        """The store's."""
        return self._store.incarnation

    def refresh(self) -> None:
        """Something was committed, declared or dropped."""
        self._vectors.clear()
        self._definitions = None
        self._unpulled = None

    def clock_ms(self) -> int:
        """Wall clock, milliseconds since 1970."""
        return self._clock.now_ms()

    def definitions(self) -> dict[str, DataSet]:
        """Each declared data set that is held here and replicated by pulling."""
        if self._definitions is None:
            self._definitions = self._last_definitions = {
                data_set_id: state.definition
                for data_set_id, state in self._store.catalog.data_sets.items()
                if state.declared and state.definition.lane in PULLED and self.region in state.definition.holders
            }
        return self._definitions

    @property
    def known_definitions(self) -> dict[str, DataSet]:
        """The definitions as they were last asked for."""
        return self._last_definitions

    def vectors(self, peer: str) -> dict[str, Vector]:
        """What is held and committed of each of these that the peer holds too."""
        vectors = self._vectors.get(peer)
        if vectors is None:
            data_sets = self._store.catalog.data_sets
            vectors = self._vectors[peer] = {
                data_set_id: data_sets[data_set_id].vector
                for data_set_id, definition in self.definitions().items()
                if peer in definition.holders
            }
        return vectors

    def cursors(self, peer: str) -> dict[str, Vector]:
        """The same of those that may be pulled from the peer at present."""
        return self.vectors(peer)

    def unpulled(self) -> frozenset[str]:
        """Those of these into which nothing can be pulled, because a snapshot is being taken in or is about to be."""
        if self._unpulled is None:
            states = self._store.catalog.data_sets
            self._unpulled = frozenset(
                data_set_id
                for data_set_id, definition in self.definitions().items()
                if states[data_set_id].committed_hollow
                or (states[data_set_id].committed_join is None and self.region in definition.joining)
            )
        return self._unpulled

    def scheduled(self, data_set_id: str) -> bool:
        """Whether a data set is fetched on a schedule, and so is behind on purpose."""
        definition = self.definitions().get(data_set_id)
        return definition is not None and definition.lane is Lane.BATCH

    def lives(self) -> set[str]:
        """Every incarnation of this region that the file knows: drawn here, or pulled back from others."""
        return {*self._drawn, self.incarnation, *self.lives_of(self.region)}

    def lives_of(self, region: str) -> set[str]:
        """Every incarnation of a region of which records are held here."""
        data_sets = self._store.catalog.data_sets
        return {
            incarnation
            for data_set_id in self.definitions()
            for origin_region, incarnation in data_sets[data_set_id].vector
            if origin_region == region
        }

    def decided(self) -> int:
        """The last epoch in which it was decided who holds a data set that is held here; 0 if it never was."""
        return max((definition.epoch for definition in self.definitions().values()), default=0)

    def excluded(self, peer: str, data_set_id: str) -> int | None:
        """The epoch since when a peer is no holder of a data set that is held here; None if that is not so."""
        definition = self.definitions().get(data_set_id)
        return None if definition is None or peer in definition.holders else definition.epoch

    def floor(self, data_set_id: str, origin: Origin) -> int:
        """The oldest sequence still in the log."""
        return self._store.catalog.declared(data_set_id).streams[origin].floor

    def records(self, data_set_id: str, origin: Origin, after: int, records_max: int, bytes_max: int) -> list[bytes]:
        """Committed records after a sequence."""
        stream = self._store.catalog.declared(data_set_id).streams[origin]
        return self._reader.log(stream, after, records_max, bytes_max)

    def log_bytes(self, data_set_id: str, origin: Origin, after: int, upto: int) -> int:
        """The bytes of the committed records after one sequence and up to another."""
        return self._reader.log_bytes(self._store.catalog.declared(data_set_id).streams[origin], after, upto)

    def acknowledge(self, peer: str, data_set_id: str, vector: Vector) -> None:
        """The peer has applied this much."""
        self._store.note_acknowledgement(peer, data_set_id, vector)
