"""A game day's file → ``GameDay``. Every mistake is told at once: its line, what was found, what was expected."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import yaml

from terrella.gameday.aborts import ABORTS, Abort
from terrella.gameday.expectations import EXPECTATIONS, Expectation, Known
from terrella.gameday.faults import FAULTS, FaultError, matches
from terrella.gameday.load_document import LOAD_KEYS, LoadSaid, read_load
from terrella.gameday.model import SETTLE_S, GameDay
from terrella.gameday.nodes import find_key, plain
from terrella.gameday.timeline import (
    BrokenAlreadyError,
    Moment,
    NothingToRestoreError,
    PlannedFault,
    last_step_s,
    plan_faults,
)
from terrella.kernel import PROFILES, Profile, TerrellaError
from terrella.world import DURATION, Document, Entry, World, did_you_mean, duration_ms, either, load_world

T = TypeVar("T")
KEYS = ("name", "about", "world", "profile", "load", "requests", "faults", "expect", "abort", "duration", "settle")
AFTERWARDS_S = 15.0
_RESTORE = "restore"
_BESIDE_FAULTS = ("at", "for")


def load_game_day(path: Path, *, profile: str | None = None, with_load: bool = True) -> GameDay:
    """Read a game day, as it is under a profile. Raises ``MistakesError``, one line for each mistake in the file.

    Its world is the ``world.yaml`` beside the file or in the nearest directory above it, unless ``world`` names one.
    """
    if path.is_dir():
        raise TerrellaError(f"found the directory {path}, expected a game day's file")
    if not path.is_file():
        raise TerrellaError(f"found no {path}, expected a game day's file; terrella gameday --new {path} makes one")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TerrellaError(f"{path}: found bytes that are no UTF-8 ({error.reason}), expected text") from error
    return _Reader(path, Document(str(path), text), profile, with_load).game_day(text)


def find_world_above(path: Path) -> Path:
    """The ``world.yaml`` beside a game day's file, or in the nearest directory above. Raises ``TerrellaError``."""
    for directory in path.resolve().parents:
        if (directory / "world.yaml").is_file():
            return directory / "world.yaml"
    expected = "a world.yaml beside it or in a directory above, or world: PATH"
    raise TerrellaError(f"{path}:1: found no world for this game day, expected {expected}")


class _Reader:
    def __init__(self, path: Path, document: Document, profile: str | None, with_load: bool) -> None:
        self._path = path
        self._document = document
        self._given_profile = profile
        self._with_load = with_load

    def game_day(self, text: str) -> GameDay:
        document = self._document
        top = document.keys(document.root, KEYS, "a game day")
        if not top:
            document.raise_mistakes()
            raise TerrellaError(f"{self._path}:1: found nothing, expected a game day: a mapping with {either(KEYS)}")
        world = self._world(top.get("world"))
        self._profile = self._read_profile(top.get("profile"), world)
        said = None
        if "load" in top:
            said = read_load(document, top["load"], top.get("requests"), world, self._path.parent, self.by_profile)
        elif self._with_load:
            document.mistake(None, "no load", f"load: a mapping with {either(LOAD_KEYS)}; or run it with --load none")
        faults = self._faults(top.get("faults"), world)
        expectations = self._expectations(top.get("expect"), world, said)
        aborts = self._aborts(top.get("abort"))
        duration_s = self._duration(top.get("duration"), last_step_s(faults) + AFTERWARDS_S)
        settle_s = self._duration(top.get("settle"), SETTLE_S)
        self._check_duration(top.get("duration"), duration_s, faults)
        document.raise_mistakes()
        return GameDay(
            path=self._path.resolve(),
            name=self._text(top.get("name"), self._path.stem.replace("-", " ")),
            about=self._text(top.get("about"), ""),
            world=world,
            profile=self._profile,
            load=said.plan if said is not None and self._with_load else None,
            host=said.host if said is not None else "",
            faults=faults,
            expectations=expectations,
            aborts=aborts,
            duration_s=duration_s,
            text=text,
            settle_s=settle_s,
        )

    def by_profile(self, node: yaml.Node) -> yaml.Node:
        """What stands there for this profile: ``{fast: 4s, aws: 2m}``, or one value for all of them."""
        if not isinstance(node, yaml.MappingNode) or not node.value:
            return node
        keys: dict[str, yaml.Node] = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        if not set(keys) <= set(PROFILES):
            return node
        if self._profile.name not in keys:
            self._document.mistake(node, f"nothing for the profile {self._profile.name}", f"{self._profile.name}: …")
            return next(iter(keys.values()))
        return keys[self._profile.name]

    def _world(self, entry: Entry | None) -> World:
        if entry is not None:
            text = self._document.scalar(entry.value, "the path of a world.yaml", str)
            path = (self._path.resolve().parent / (text or "")).resolve()
            path = path / "world.yaml" if path.is_dir() else path
            if not path.is_file():
                self._document.mistake(entry.value, f"{text}, where there is no file", "the path of a world.yaml")
                self._document.raise_mistakes()
            return load_world(path)
        return load_world(find_world_above(self._path))

    def _read_profile(self, entry: Entry | None, world: World) -> Profile:
        name = None
        if entry is not None:
            name = self._document.scalar(entry.value, f"the profile {either(PROFILES)}", _one_of(PROFILES))
        return PROFILES[self._given_profile or name or world.profile.name]

    def _text(self, entry: Entry | None, default: str) -> str:
        if entry is None:
            return default
        return " ".join((self._document.scalar(entry.value, "some text", str) or default).split())

    def _duration(self, entry: Entry | None, default_s: float) -> float:
        if entry is None:
            return default_s
        return self._seconds(entry.value, default_s)

    def _seconds(self, node: yaml.Node, default_s: float = 0.0) -> float:
        found = self._document.scalar(self.by_profile(node), DURATION, duration_ms)
        return default_s if found is None else found / 1000

    def _check_duration(self, entry: Entry | None, duration_s: float, faults: tuple[PlannedFault, ...]) -> None:
        last_s = last_step_s(faults)
        if entry is not None and duration_s < last_s:
            self._document.mistake(
                entry.value,
                f"a duration of {duration_s:g}s",
                f"at least {last_s:g}s, when the last fault begins or ends",
            )

    # faults

    def _faults(self, entry: Entry | None, world: World) -> tuple[PlannedFault, ...]:
        if entry is None:
            return ()
        nodes = self._document.items(entry.value, "a list of moments: - {at: 10s, kill: eu-west-1}")
        read = [self._moment(node, world) for node in nodes]
        moments = [moment for moment in read if moment is not None]
        if len(moments) < len(read):
            return ()  # what a restoration means cannot be said as long as a fault is not understood
        try:
            return plan_faults(moments, matches)
        except NothingToRestoreError as error:
            node = next(each for each in entry.value.value if each.start_mark.line + 1 == error.moment.line)
            expected = "a fault of that subject before it, which still lasts"
            self._document.mistake(node, f"restore: {error.moment.restores}, of which nothing is broken then", expected)
            return ()
        except BrokenAlreadyError as error:
            node = next(each for each in entry.value.value if each.start_mark.line + 1 == error.moment.line)
            found = f"{error.told} while that of line {error.first.line} lasts"
            self._document.mistake(node, found, "each fault once at a time: the end of one would end both")
            return ()

    def _moment(self, node: yaml.Node, world: World) -> Moment | None:
        document = self._document
        entries = {each.key: each for each in document.entries(node, "a moment such as {at: 10s, kill: eu-west-1}")}
        if not entries:
            return None
        if "at" not in entries:
            document.mistake(node, "a moment without at", "at: when, such as 10s")
            return None
        at_s, line = self._seconds(entries["at"].value), node.start_mark.line + 1
        for_s = self._seconds(entries["for"].value) if "for" in entries else None
        if _RESTORE in entries:
            strange = [each for each in entries.values() if each.key not in ("at", _RESTORE)]
            if strange:
                document.mistake(strange[0].key_node, f"the key {strange[0].key} beside restore", "at and restore only")
            subject = document.scalar(entries[_RESTORE].value, "what is restored, such as eu-west-1", str)
            return Moment(at_s, line, restores=subject) if subject is not None else None
        keywords = [each for each in entries if each in FAULTS]
        if len(keywords) != 1:
            self._no_fault(node, list(entries.values()), keywords)
            return None
        said = {each.key: plain(self.by_profile(each.value)) for each in entries.values()}
        try:
            fault = FAULTS[keywords[0]].parse(said, world)
        except FaultError as error:
            document.mistake(find_key(node, error.key) or node, error.found, error.expected)
            return None
        return Moment(at_s, line, fault, for_s)

    def _no_fault(self, node: yaml.Node, entries: list[Entry], keywords: list[str]) -> None:
        if keywords:
            self._document.mistake(node, f"{' and '.join(keywords)} in one moment", "one fault in each moment")
            return
        others = [each.key for each in entries if each.key not in _BESIDE_FAULTS]
        hint = did_you_mean(others[0], [*FAULTS, _RESTORE]) if others else ""
        found = f"the key {others[0]}" if others else "a moment in which nothing happens"
        self._document.mistake(node, found, f"restore or a fault: {either(FAULTS)}{hint}")

    # expectations

    def _expectations(self, entry: Entry | None, world: World, said: LoadSaid | None) -> tuple[Expectation, ...]:
        places = [each.name for each in said.plan.vantage_points] if said is not None else []
        known = Known(tuple(world.regions), places)
        found: list[Expectation] = []
        for each in self._known_keys(entry, EXPECTATIONS, "expectations"):
            kind = EXPECTATIONS[each.key]

            def read(text: str, kind: type[Expectation] = kind) -> Expectation:
                return kind.parse(text, known)

            found += self._each(each, f"{each.key}: {kind.grammar}", read)
        return tuple(found)

    def _aborts(self, entry: Entry | None) -> tuple[Abort, ...]:
        found: list[Abort] = []
        for each in self._known_keys(entry, ABORTS, "conditions"):
            kind, grammar = ABORTS[each.key]
            found += self._each(each, f"{each.key}: {grammar}", kind.parse)
        return tuple(found)

    def _known_keys(self, entry: Entry | None, known: Mapping[str, object], what: str) -> list[Entry]:
        if entry is None:
            return []
        return list(self._document.keys(entry.value, known, what).values())

    def _each(self, entry: Entry, expected: str, read: Callable[[str], T]) -> list[T]:
        """One value, or a list of them."""
        node = self.by_profile(entry.value)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found = (self._document.scalar(self.by_profile(each), expected, read) for each in nodes)
        return [each for each in found if each is not None]


def _one_of(words: Mapping[str, object]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read
