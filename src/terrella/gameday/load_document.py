"""The parts of a game day's file that say what the load is: ``load`` and ``requests``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from terrella.gameday.load import (
    LoadError,
    LoadPlan,
    RequestKind,
    ResolverPlan,
    RetryPlan,
    VantagePoint,
    describe_request,
    find_vantage_points,
    python_requests,
    rate_per_s,
)
from terrella.gameday.nodes import find_key, plain
from terrella.world import DURATION, Document, Entry, World, duration_ms, show

T = TypeVar("T")
LOAD_KEYS = (
    *("rate", "mix", "from", "resolver", "timeout", "retries", "clients", "keep_alive", "arrivals", "python", "host"),
)
RESOLVER_KEYS = ("ttl", "look_up")
RETRY_KEYS = ("times", "backoff", "backoff_max", "jitter")
_TIMES_MAX = 10
_CLIENTS_MAX = 10_000
_CLIENTS = f"a number of clients from 1 to {_CLIENTS_MAX}"

ByProfile = Callable[[yaml.Node], yaml.Node]


@dataclass(frozen=True, slots=True)
class LoadSaid:
    """``host`` is the application's name; empty: the first that the world's name servers know, if any."""

    plan: LoadPlan
    host: str


def read_load(
    document: Document, load: Entry, requests: Entry | None, world: World, directory: Path, by_profile: ByProfile
) -> LoadSaid | None:
    """The load; None if there is none, which after a mistake it is. ``directory`` is where the file is."""
    return _LoadReader(document, world, directory, by_profile).read(load, requests)


@dataclass(slots=True)
class _LoadReader:
    document: Document
    world: World
    directory: Path
    by_profile: ByProfile
    wrong: bool = field(default=False)

    def read(self, load: Entry, requests: Entry | None) -> LoadSaid | None:
        keys = self.document.keys(load.value, LOAD_KEYS, "load")
        kinds = {**self._python(keys.get("python")), **self._requests(requests)}
        for key in ("rate", "from"):
            if key not in keys:
                self.document.mistake(load.key_node, f"load without {key}", f"{key}: {_EXAMPLES[key]}")
                self.wrong = True
        rate = self._scalar(keys.get("rate"), _EXAMPLES["rate"], rate_per_s, 1.0)
        places = self._attempt(keys.get("from"), self._vantage_points, tuple[VantagePoint, ...]())
        settings: dict[str, Any] = {}
        if "timeout" in keys:
            settings["timeout_s"] = self._scalar(keys["timeout"], DURATION, _seconds, 5.0)
        if "clients" in keys:
            settings["clients"] = self._scalar(keys["clients"], _CLIENTS, _clients, 10)
        if "keep_alive" in keys:
            settings["keep_alive"] = self._scalar(keys["keep_alive"], "true or false", _boolean, True)
        if "arrivals" in keys:
            settings["arrivals"] = self._scalar(keys["arrivals"], "random or even", _arrivals, "random")
        if "resolver" in keys:
            settings["resolver"] = self._resolver(keys["resolver"])
        if "retries" in keys:
            settings["retries"] = self._retries(keys["retries"])
        host = self._scalar(keys.get("host"), "the application's host name", str, "")
        mix = self._mix(keys.get("mix"), kinds)
        if self.wrong or not places:
            return None
        try:
            return LoadSaid(LoadPlan(rate, mix, places, kinds, **settings), host)
        except LoadError as error:
            where = keys.get(error.key) or keys.get("mix") or load
            self.document.mistake(where.key_node, error.found, error.expected)
            return None

    def _vantage_points(self, said: Any) -> tuple[VantagePoint, ...]:
        return find_vantage_points(_texts(said), self.world.vantage_points)

    def _requests(self, entry: Entry | None) -> dict[str, RequestKind]:
        """Each kind by its name, described here or in another file: ``requests: requests.yaml``."""
        if entry is None:
            return {}
        if isinstance(entry.value, yaml.ScalarNode):
            return self._requests_of(entry)
        kinds: dict[str, RequestKind] = {}
        for each in self.document.entries(entry.value, "a mapping from names to requests"):
            kinds.update(self._request(each))
        return kinds

    def _request(self, entry: Entry) -> dict[str, RequestKind]:
        """One kind by its name; nothing if it is none."""

        def read(said: Any) -> dict[str, RequestKind]:
            return {entry.key: describe_request(entry.key, said)}

        return self._attempt(entry, read, dict[str, RequestKind]())

    def _requests_of(self, entry: Entry) -> dict[str, RequestKind]:
        """Another file's requests; what is wrong in it is told with its own lines."""
        text = self.document.scalar(entry.value, "requests, or the path of a file that has them", str)
        path = self.directory / (text or "")
        if text is None or not path.is_file():
            if text is not None:
                self.document.mistake(entry.value, f"{text}, where there is no file", "a file with requests")
            self.wrong = True
            return {}
        other = Document(str(path), path.read_text(encoding="utf-8"))
        reader = _LoadReader(other, self.world, self.directory, self.by_profile)
        kinds: dict[str, RequestKind] = {}
        for each in other.entries(other.root, "a mapping from names to requests"):
            kinds.update(reader._request(each))
        other.raise_mistakes()
        return kinds

    def _python(self, entry: Entry | None) -> dict[str, RequestKind]:
        if entry is None:
            return {}

        def read(said: Any) -> dict[str, RequestKind]:
            return dict(python_requests(self.directory / str(said)))

        return self._attempt(entry, read, dict[str, RequestKind]())

    def _mix(self, entry: Entry | None, kinds: Mapping[str, RequestKind]) -> dict[str, float]:
        if entry is None:
            if not kinds:
                self._mistake(None, "no requests", "requests: {NAME: {method: GET, path: /}}, or load: {python: FILE}")
            return dict.fromkeys(kinds, 1.0)
        mix: dict[str, float] = {}
        for each in self.document.entries(entry.value, "a mapping from requests to weights: {create: 3, get: 7}"):
            mix[each.key] = self._scalar(each, "a weight, such as 3", _weight, 0.0)
            if each.key not in kinds and not self.wrong:
                there_are = ", ".join(kinds) or "none"
                self._mistake(each.key_node, f"the request {each.key}", f"one that requests describes: {there_are}")
        return mix

    def _resolver(self, entry: Entry) -> ResolverPlan:
        if isinstance(entry.value, yaml.ScalarNode):
            return self._attempt(entry, lambda said: ResolverPlan.parse(str(said)), ResolverPlan())
        keys = self.document.keys(entry.value, RESOLVER_KEYS, "a resolver")
        plan = self._attempt(keys.get("ttl"), lambda said: ResolverPlan.parse(str(said)), ResolverPlan())
        look_up_s = self._scalar(keys.get("look_up"), DURATION, _seconds, plan.look_up_s)
        return ResolverPlan(plan.ttl, look_up_s)

    def _retries(self, entry: Entry) -> RetryPlan:
        times = f"how often a request is sent again, from 0 to {_TIMES_MAX}"
        if isinstance(entry.value, yaml.ScalarNode):
            return RetryPlan(self._scalar(entry, times, _times, 2))
        keys = self.document.keys(entry.value, RETRY_KEYS, "retries")
        usual = RetryPlan()
        return RetryPlan(
            retries=self._scalar(keys.get("times"), times, _times, usual.retries),
            backoff_s=self._scalar(keys.get("backoff"), DURATION, _seconds, usual.backoff_s),
            backoff_max_s=self._scalar(keys.get("backoff_max"), DURATION, _seconds, usual.backoff_max_s),
            jitter=self._scalar(keys.get("jitter"), "true or false", _boolean, usual.jitter),
        )

    def _scalar(self, entry: Entry | None, expected: str, read: Callable[[str], T], default: T) -> T:
        if entry is None:
            return default

        def checked(text: str) -> T:
            try:
                return read(text)
            except LoadError as error:
                raise ValueError(text) from error

        found = self.document.scalar(self.by_profile(entry.value), expected, checked)
        if found is None:
            self.wrong = True
            return default
        return found

    def _attempt(self, entry: Entry | None, read: Callable[[Any], T], default: T) -> T:
        """What ``read`` makes of a value; a ``LoadError`` is told where its key stands."""
        if entry is None:
            return default
        try:
            return read(plain(self.by_profile(entry.value)))
        except LoadError as error:
            self._mistake(find_key(entry.value, error.key) or entry.key_node, error.found, error.expected)
        except ValueError:
            self._mistake(entry.value, show(entry.value), _EXAMPLES.get(entry.key, "another value"))
        return default

    def _mistake(self, where: yaml.Node | None, found: str, expected: str) -> None:
        self.document.mistake(where, found, expected)
        self.wrong = True


_EXAMPLES = {"rate": "a rate such as 200/s", "from": "a list of vantage points: [new-york, frankfurt, tokyo]"}


def _texts(said: Any) -> list[str]:
    listed = said if isinstance(said, list) else [said]
    if not listed or not all(isinstance(each, str) for each in listed):
        raise ValueError(said)
    return listed


def _seconds(text: str) -> float:
    return duration_ms(text) / 1000


def _clients(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _CLIENTS_MAX:
        raise ValueError(text)
    return number


def _times(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _TIMES_MAX:
        raise ValueError(text)
    return number


def _weight(text: str) -> float:
    number = float(text)
    if not number >= 0:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _arrivals(text: str) -> Literal["random", "even"]:
    if text == "random":
        return "random"
    if text == "even":
        return "even"
    raise ValueError(text)
