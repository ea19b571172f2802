"""From whom a region pulls each origin's records: of each data set and origin region, from one peer.

That is the region itself, while it is connected and can serve what is missing here; else, by relay, the connected
holder of the data set that holds most of it. Single *lives* (incarnations) are pulled from a further peer, where it
holds records of them that the first one lacks: so a region that lost its disk is given its own records back, and a
dead region's come from whichever survivor has them. What no connected holder can serve needs a snapshot.

Pure: told what peers say, and asked to ``review`` when the time has come. Choices are kept as long as they are good
enough, so that a link that comes and goes does not have everything asked for anew each time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from terrella.journal.batches import Batches
from terrella.journal.model import DataSet, Lane, Origin, Vector

# A region that went away is waited for so long before another relays it.
RELAY_AFTER_S = 0.5
# One that came back is pulled from directly after so long; twice as long each time that it did not stay.
RETURN_AFTER_S, RETURN_AFTER_MAX_S = 1.0, 30.0
STEADY_S = 30.0
# A relay is left for one that holds so many records more, for so long; for a life, or for the region itself when it is
# back, any that it lacks will do.
OVERTAKEN_RECORDS, OVERTAKEN_S = 1000, 2.0
LACKING_S = 1.0
# A relay that holds what is missing here and does not send it is left for a while, if there is another.
STALLED_S, DISTRUST_S = 5.0, 30.0
# A snapshot is asked for at once if all holders are connected, else when those that are not have had their chance.
SNAPSHOT_PATIENCE_S = 10.0

# What is asked of one peer in one data set: whose records, and which single lives.
Wanted = tuple[tuple[str, ...], tuple[Origin, ...]]
NOTHING: Wanted = ((), ())
# A data set and a region; a data set and one life of a region.
Share = tuple[str, str]
Life = tuple[str, Origin]


class Holdings(Protocol):
    """What this region holds, and whom it shares it with."""

    region: str

    @property
    def incarnation(self) -> str:
        """This opening's."""
        ...

    def clock_ms(self) -> int:
        """Wall clock, milliseconds since 1970."""
        ...

    def definitions(self) -> Mapping[str, DataSet]:
        """Each declared, replicated data set that is held here."""
        ...

    def vectors(self, peer: str) -> Mapping[str, Vector]:
        """What is held and committed of each of these that the peer holds too."""
        ...

    def cursors(self, peer: str) -> Mapping[str, Vector]:
        """The same of those that may be pulled from the peer at present."""
        ...

    def unpulled(self) -> frozenset[str]:
        """Those of these into which nothing can be pulled at the moment, because a snapshot is being taken in."""
        ...


@dataclass(slots=True, eq=False)
class Offer:
    """What a connected peer has said: what it holds, from where on, and what it does not share any more."""

    peer: str
    incarnation: str
    since: float
    heads: dict[str, dict[Origin, int]] = field(default_factory=dict)
    floors: dict[Life, int] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)

    def serves(self, data_set_id: str, origin: Origin, cursor: int) -> bool:
        """Whether it can serve what follows the cursor, as far as it has said."""
        return cursor + 1 >= self.floors.get((data_set_id, origin), 0)

    def gives(self, data_set_id: str, origin: Origin, cursor: int) -> bool:
        """Whether it holds, and can serve, more of an origin than the cursor."""
        heads = self.heads.get(data_set_id)
        return heads is not None and heads.get(origin, 0) > cursor and self.serves(data_set_id, origin, cursor)

    def behind(self, data_set_id: str, region: str, own: Vector) -> int:
        """How many records of a region it holds that are not here."""
        heads = self.heads.get(data_set_id, {})
        return sum(max(0, head - own.get(origin, 0)) for origin, head in heads.items() if origin[0] == region)

    def missing(self, data_set_id: str, region: str, own: Vector) -> int:
        """How many of these it can serve."""
        return sum(
            max(0, head - own.get(origin, 0))
            for origin, head in self.heads.get(data_set_id, {}).items()
            if origin[0] == region and self.serves(data_set_id, origin, own.get(origin, 0))
        )


@dataclass(slots=True)
class _Presence:
    """A region, connected or not: since when it is gone, and how long it has to stay to be pulled from directly."""

    gone_since: float
    patience_s: float = RETURN_AFTER_S


@dataclass(frozen=True, slots=True)
class Choice:
    """One data set: from whom each region's records are pulled, and single lives beside them.

    ``snapshot`` is the member that a snapshot is best taken from, if no connected holder can serve what is missing.
    """

    regions: Mapping[str, str] = field(default_factory=dict)
    lives: Mapping[Origin, str] = field(default_factory=dict)
    snapshot: str | None = None

    def of(self, peer: str) -> Wanted:
        """What is asked of one peer."""
        return (
            tuple(sorted(region for region, source in self.regions.items() if source == peer)),
            tuple(sorted(life for life, source in self.lives.items() if source == peer)),
        )


class Sources:
    """The choices for all data sets; ``revision`` grows whenever one changes.

    ``stopped`` names data sets and regions whose next record cannot be applied, each with the reason.
    """

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.choices: dict[str, Choice] = {}
        self.stopped: dict[Share, str] = {}
        self.revision = 0
        self._offers: dict[str, Offer] = {}
        self._definitions: Mapping[str, DataSet] = {}
        self._unpulled: frozenset[str] = frozenset()
        self._presence: dict[str, _Presence] = {}
        self._changed: set[str] = set()
        self._unsettled: set[str] = set()
        self._all_changed = True
        self._since: dict[tuple[str, ...], float] = {}
        self._progress: dict[tuple[str, ...], tuple[int, float]] = {}
        self._distrusted: dict[tuple[str, str, str], float] = {}
        self._batches = Batches()

    # what is told

    def join(self, offer: Offer) -> None:
        """A peer is connected, and has agreed to be pulled from."""
        self._offers[offer.peer] = offer
        self._all_changed = True

    def leave(self, offer: Offer, now: float) -> None:
        """The connection has ended."""
        if self._offers.get(offer.peer) is not offer:
            return
        del self._offers[offer.peer]
        self._all_changed = True
        presence = self._presence.setdefault(offer.peer, _Presence(now))
        presence.gone_since = now
        stayed = now - offer.since >= STEADY_S
        presence.patience_s = RETURN_AFTER_S if stayed else min(RETURN_AFTER_MAX_S, 2 * presence.patience_s)

    def heard(self, data_set_ids: Iterable[str]) -> None:
        """A peer's offer has changed in these."""
        self._changed.update(data_set_ids)

    def stop(self, data_set_id: str, region: str, reason: str) -> None:
        """Pull no more of a region's records of a data set, from anyone."""
        self.stopped[data_set_id, region] = reason
        self._changed.add(data_set_id)

    def resume(self, data_set_id: str, region: str) -> None:
        """Pull them again."""
        if self.stopped.pop((data_set_id, region), None) is not None:
            self._changed.add(data_set_id)

    # what is asked

    def wanted(self, peer: str, data_set_id: str) -> Wanted:
        """What is to be pulled from a peer: whose records, and which single lives."""
        choice = self.choices.get(data_set_id)
        return NOTHING if choice is None else choice.of(peer)

    @property
    def snapshot_needed(self) -> dict[str, str]:
        """The data sets that no connected holder can bring up to date, and the best member to take a snapshot from."""
        return {id_: choice.snapshot for id_, choice in self.choices.items() if choice.snapshot is not None}

    def via(self, region: str) -> str | None:
        """Who relays a region's records at the moment, at least for one data set; None if nobody does."""
        sources = {choice.regions.get(region, region) for choice in self.choices.values()}
        return min(sources - {region}, default=None)

    def heads(self, data_set_id: str, region: str) -> dict[Origin, int]:
        """What is known to exist of a region's records: the most that any connected peer says to hold."""
        known: dict[Origin, int] = {}
        for offer in self._offers.values():
            for origin, head in offer.heads.get(data_set_id, {}).items():
                if origin[0] == region and head > known.get(origin, 0):
                    known[origin] = head
        return known

    def review(self, now: float) -> bool:
        """Choose anew where something has changed or was waited for; whether any choice did."""
        definitions = self._holdings.definitions()
        if definitions != self._definitions:
            self._forget(self._definitions.keys() - definitions.keys())
            self._definitions = dict(definitions)
            self._all_changed = True
        unpulled = self._holdings.unpulled()
        self._changed |= self._unpulled ^ unpulled
        self._unpulled = unpulled
        if self._all_changed:
            todo: Iterable[str] = definitions
            self._all_changed = False
        else:
            todo = [id_ for id_ in self._changed | self._unsettled if id_ in definitions]
        self._changed.clear()
        before = self.revision
        for data_set_id in todo:
            self._review(definitions[data_set_id], now)
        return self.revision != before

    # one data set

    def _review(self, definition: DataSet, now: float) -> None:
        data_set_id = definition.id
        offers: dict[str, Offer] = {}
        own: Vector = {}
        for peer, offer in self._offers.items():
            shared = self._holdings.cursors(peer)
            # Who only joins has written nothing; or it was evicted, and what it wrote then is not to be taken as it is.
            if peer in definition.joining or data_set_id in self._unpulled:
                continue
            if data_set_id in shared and data_set_id not in offer.excluded:
                own = shared[data_set_id]
                offers[peer] = offer
        origins = set(own)
        for offer in offers.values():
            origins.update(offer.heads.get(data_set_id, ()))
        self._unsettled.discard(data_set_id)
        view = _View(definition, own, offers, origins, now)
        before = self.choices.get(data_set_id, _NO_CHOICE)
        choice = self._choice(view, before) if self._is_fetched(view) else _NO_CHOICE
        self.choices[data_set_id] = choice
        if choice != before:
            self.revision += 1

    def _is_fetched(self, view: "_View") -> bool:
        """Whether records are asked for now: in the batch lane only while a window is open."""
        if view.definition.lane is not Lane.BATCH:
            return True
        self._unsettled.add(view.id)
        heads = [offer.heads[view.id] for offer in view.offers.values() if view.id in offer.heads]
        return self._batches.is_open(view.definition, view.own, heads, self._holdings.clock_ms())

    def _choice(self, view: "_View", before: Choice) -> Choice:
        origins = view.origins
        regions = {region for region, _ in origins}.union(view.holders) - {self._holdings.region}
        direct_or_relayed = {region: self._source(view, region, before.regions.get(region)) for region in regions}
        chosen = {region: source for region, source in direct_or_relayed.items() if source is not None}
        further = {life: self._further_source(view, life, chosen, before.lives.get(life)) for life in origins}
        lives = {life: source for life, source in further.items() if source is not None}
        return Choice(chosen, lives, self._snapshot_source(view))

    def _source(self, view: "_View", region: str, current: str | None) -> str | None:
        """Whom a region's records are pulled from: itself while it is connected, else one that relays them."""
        share = (view.id, region)
        if share in self.stopped:
            return None
        presence = self._presence.setdefault(region, _Presence(view.now))
        relays = [peer for peer in view.relays(region) if self._trusted(peer, share, view.now)]
        direct = view.offers.get(region)
        if direct is not None:
            if current not in relays or view.now - direct.since >= presence.patience_s:
                return region
            self._unsettled.add(view.id)
            # Two that relay it for each other would wait for what neither has got.
            lacking = direct.missing(view.id, region, view.own) > view.offers[current].missing(
                view.id, region, view.own
            )
            return region if self._for_long(lacking, ("return", *share), LACKING_S, view.now) else current
        if not relays:
            return None
        self._unsettled.add(view.id)
        if current not in relays and region in view.holders and view.now - presence.gone_since < RELAY_AFTER_S:
            return None
        missing = {peer: view.offers[peer].missing(view.id, region, view.own) for peer in relays}
        best = min(relays, key=lambda peer: (-missing[peer], peer))
        if current not in missing:
            return best
        total = sum(sequence for origin, sequence in view.own.items() if origin[0] == region)
        if self._stalled((*share, current), total, missing[current], view.now):
            return self._instead(current, share, missing, view.now)
        overtaken = missing[best] - missing[current] > OVERTAKEN_RECORDS
        return best if self._for_long(overtaken, ("relay", *share), OVERTAKEN_S, view.now) else current

    def _further_source(
        self, view: "_View", origin: Origin, chosen: Mapping[str, str], current: str | None
    ) -> str | None:
        """Who else is asked for one life: only one that holds records of it that its region's source cannot give."""
        region, incarnation = origin
        share = (view.id, region)
        if origin == (self._holdings.region, self._holdings.incarnation) or share in self.stopped:
            return None
        mark = ("life", view.id, region, incarnation)
        cursor = view.own.get(origin, 0)
        direct = view.offers.get(region)
        refused = direct is not None and not direct.serves(view.id, origin, cursor)
        newest = direct is not None and direct.incarnation == incarnation
        main = view.offers.get(chosen.get(region, ""))
        holding: dict[str, int] = {}
        # Nobody holds more of a connected region's present life than the region itself.
        if (refused or not newest) and (main is None or not main.gives(view.id, origin, cursor)):
            holding = {
                peer: view.offers[peer].heads[view.id][origin]
                for peer in view.relays(region)
                if view.offers[peer].gives(view.id, origin, cursor) and self._trusted(peer, share, view.now)
            }
        if not self._for_long(bool(holding), mark, 0.0, view.now):
            return None
        self._unsettled.add(view.id)
        if current in holding:
            if self._stalled((*mark[1:], current), cursor, holding[current], view.now):
                return self._instead(current, share, holding, view.now)
            return current
        wait_s = 0.0 if region == self._holdings.region or refused else LACKING_S
        if not self._for_long(True, mark, wait_s, view.now):
            return None
        return min(holding, key=lambda peer: (-holding[peer], peer))

    def _instead(self, current: str, share: Share, missing: Mapping[str, int], now: float) -> str:
        """Another than a source that has stalled, if another holds anything that is missing here."""
        others = [peer for peer, count in missing.items() if peer != current and count]
        if not others:
            return current
        self._distrusted[current, *share] = now + DISTRUST_S
        return min(others, key=lambda peer: (-missing[peer], peer))

    def _snapshot_source(self, view: "_View") -> str | None:
        """The member that a snapshot is best taken from, if no one can serve what is missing here."""
        unserved = any(self._unserved(view, origin) for origin in view.origins)
        if unserved:
            self._unsettled.add(view.id)
        everyone = all(peer in view.offers for peer in view.definition.members if peer != self._holdings.region)
        if not self._for_long(unserved, ("snapshot", view.id), 0.0 if everyone else SNAPSHOT_PATIENCE_S, view.now):
            return None
        more = {
            peer: sum(max(0, head - view.own.get(origin, 0)) for origin, head in offer.heads[view.id].items())
            for peer, offer in view.offers.items()
            if peer in view.definition.members and view.id in offer.heads
        }
        return min(more, key=lambda peer: (-more[peer], peer), default=None)

    def _unserved(self, view: "_View", origin: Origin) -> bool:
        if origin == (self._holdings.region, self._holdings.incarnation) or (view.id, origin[0]) in self.stopped:
            return False
        cursor = view.own.get(origin, 0)
        holding = [o for o in view.offers.values() if o.heads.get(view.id, {}).get(origin, 0) > cursor]
        return bool(holding) and not any(offer.serves(view.id, origin, cursor) for offer in holding)

    # what time tells

    def _trusted(self, peer: str, share: Share, now: float) -> bool:
        until = self._distrusted.get((peer, *share))
        if until is not None and until <= now:
            del self._distrusted[peer, *share]
            return True
        return until is None

    def _stalled(self, what: tuple[str, ...], held: int, missing: int, now: float) -> bool:
        """Whether the source says that it holds what is missing here, and nothing has come for long."""
        before = self._progress.get(what)
        if not missing or before is None or before[0] != held:
            self._progress[what] = (held, now)
            return False
        return now - before[1] >= STALLED_S

    def _for_long(self, holds: bool, mark: tuple[str, ...], wait_s: float, now: float) -> bool:
        """Whether something holds, and has held at each review for so long."""
        if not holds:
            self._since.pop(mark, None)
            return False
        return now - self._since.setdefault(mark, now) >= wait_s

    # keeping

    def _forget(self, data_set_ids: Iterable[str]) -> None:
        for data_set_id in data_set_ids:
            if self.choices.pop(data_set_id, None) is not None:
                self.revision += 1
            self._unsettled.discard(data_set_id)
            self._batches.forget(data_set_id)
            for mark in [mark for mark in self._since if mark[1] == data_set_id]:
                del self._since[mark]
            for what in [what for what in self._progress if what[0] == data_set_id]:
                del self._progress[what]


_NO_CHOICE = Choice()


@dataclass(frozen=True, slots=True)
class _View:
    """One data set, as it stands at one review."""

    definition: DataSet
    own: Vector
    offers: Mapping[str, Offer]
    origins: set[Origin]
    now: float

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def holders(self) -> tuple[str, ...]:
        return self.definition.holders

    def relays(self, region: str) -> list[str]:
        """Connected peers, other than the region itself, that say what they hold."""
        return [peer for peer, offer in self.offers.items() if peer != region and self.id in offer.heads]
