"""``world.yaml`` → ``World``. Every mistake in the file is reported at once, and nothing starts."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import yaml

from terrella.kernel import PROFILES, Profile, TerrellaError, known_regions, one_way_delay_ms
from terrella.region import LaneSettings, Ports, RegionSettings
from terrella.wire.links import Link
from terrella.world.document import Document, Entry, did_you_mean, either, is_plain_list, show
from terrella.world.model import World, is_loopback
from terrella.world.security import read_security
from terrella.world.units import BANDWIDTH, DURATION, SHARE, bandwidth_bytes_per_s, duration_ms, share
from terrella.world.vantage_points import read_vantage_points

T = TypeVar("T")
FILE_NAME = "world.yaml"
KEYS = ("name", "template", "regions", "profile", "links", "lanes", "addresses", "security", "vantage_points")
REGION_KEYS = ("azs", "parameters", "address")
LINK_KEYS = ("delay", "jitter", "loss", "bandwidth", "cut")
ADDRESSES_KEYS = ("base", "front_door", "ports")
PORT_KEYS = ("aws", "application", "dns", "replication")
LANES_BUILT = ("async", "batch", "local", "sync")
BATCH_INTERVAL_S = 60.0
AZS_DEFAULT = 2
AZS_MAX = 6
REGIONS_MAX = 254
EXAMPLE = """\
name: {name}
template: {template}
regions:
  us-east-1:
  us-west-2:
  eu-west-1:
"""

_PAIR = re.compile(r"(\S+?)\s*(<->|->)\s*(\S+)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_BYTE = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
_ADDRESS = re.compile(rf"(?!0\.){_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}")
_OUR_ADDRESS = "an IPv4 address of its own, such as 10.0.0.1"
_BASE = re.compile(rf"127\.{_BYTE}")


def find_world(given: Path | None) -> Path:
    """The path of ``world.yaml``: as given (a file or its directory), or here. Raises ``TerrellaError``."""
    path = given if given is not None else Path(FILE_NAME)
    if path.is_dir():
        path = path / FILE_NAME
    if path.is_file():
        return path
    directory = path.parent
    beside = next((name for name in ("template.yaml", "template.yml") if (directory / name).is_file()), None)
    if beside is None:
        raise TerrellaError(
            f"found no {path}, expected a world there: a file with the name of a SAM or CloudFormation template and the"
            " regions that it runs in (docs/world.md has an example)"
        )
    name = re.sub(r"[^A-Za-z0-9-]+", "-", directory.resolve().name).strip("-") or "world"
    example = EXAMPLE.format(name=name, template=beside)
    found = f"found {directory / beside} but no {path}"
    raise TerrellaError(f"{found}; write one (terrella init does), for example:\n\n{example}")


def load_world(path: Path) -> World:
    """Read a world. Raises ``MistakesError``, one line for each mistake in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise TerrellaError(f"{path}: found bytes that are no UTF-8 ({error.reason}), expected text") from error
    return _Loader(path, Document(str(path), text)).world()


class _Loader:
    def __init__(self, path: Path, document: Document) -> None:
        self._path = path
        self._document = document

    def world(self) -> World:
        document = self._document
        top = document.keys(document.root, KEYS, "a world")
        if not top:
            document.raise_mistakes()  # it is no world at all: what it lacks besides says nothing more
        base, front_door, ports = self._addresses(top.get("addresses"))
        regions_entry = top.get("regions")
        regions = self._regions(regions_entry, base)
        self._check_addresses(top, regions, front_door)
        world = World(
            path=self._path.resolve(),
            name=self._name(top.get("name")),
            template=self._template(top.get("template")),
            regions=regions,
            links=self._links(top.get("links"), regions_entry, regions),
            lanes=self._lanes(top.get("lanes")),
            profile=self._profile(top.get("profile")),
            front_door=front_door,
            ports=ports,
            security=read_security(document, top.get("security"), regions, self._path.resolve().parent),
            vantage_points=read_vantage_points(document, top.get("vantage_points"), regions),
        )
        self._check_exposed(world, top)
        document.raise_mistakes()
        return world

    def _check_exposed(self, world: World, top: Mapping[str, Entry]) -> None:
        """Nobody outside of this machine is served without a signature."""
        if world.security.access_keys or not world.exposed:
            return
        places = {name: self._document.find(top.get("regions"), name, "address") for name in world.regions}
        outside = [name for name, settings in world.regions.items() if not is_loopback(settings.address)]
        if outside:
            who, where, address = outside[0], places[outside[0]], world.regions[outside[0]].address
        else:
            who, where = "the front door", self._document.find(top.get("addresses"), "front_door")
            address = world.front_door
        self._document.mistake(
            where,
            f"{who} at {address}, which is not loopback, in a world without access keys",
            "security: {access_keys: [{id: …, secret: …}]}, which requests are then signed with (docs/own-hosts.md)",
        )

    def _name(self, entry: Entry | None) -> str:
        if entry is None:
            own = re.sub(r"[^A-Za-z0-9-]+", "-", self._path.resolve().parent.name).strip("-")
            return own if _NAME.fullmatch(own) else "world"
        expected = "a name of letters, digits and hyphens that begins with a letter"
        return self._document.scalar(entry.value, expected, _matching(_NAME)) or "world"

    def _template(self, entry: Entry | None) -> Path:
        expected = "the path of a SAM or CloudFormation template"
        if entry is None:
            self._document.mistake(None, "no template", f"template: {expected}")
            return self._path
        text = self._document.scalar(entry.value, expected, str)
        path = (self._path.resolve().parent / (text or "")).resolve()
        if text is not None and not path.is_file():
            self._document.mistake(entry.value, f"{text}, where there is no file", expected)
        return path

    def _profile(self, entry: Entry | None) -> Profile:
        name = None
        if entry is not None:
            name = self._document.scalar(entry.value, f"the profile {either(PROFILES)}", _one_of(PROFILES))
        return PROFILES[name or "fast"]

    def _addresses(self, entry: Entry | None) -> tuple[str, str, Ports]:
        keys = self._document.keys(entry.value if entry else None, ADDRESSES_KEYS, "addresses")
        base = "127.0"
        if "base" in keys:
            expected = 'the first two numbers of loopback addresses, in quotes: "127.0"'
            base = self._document.scalar(keys["base"].value, expected, _matching(_BASE)) or base
        front_door = f"{base}.0.1"
        if "front_door" in keys:
            read = self._document.scalar(keys["front_door"].value, _OUR_ADDRESS, _matching(_ADDRESS))
            front_door = read or front_door
        ports = self._document.keys(keys["ports"].value if "ports" in keys else None, PORT_KEYS, "ports")
        numbers: dict[str, int] = {}
        for name, each in ports.items():
            number = self._document.scalar(each.value, "a port from 1 to 65535", _port)
            if number is not None:
                numbers[name] = number
        settled = Ports(**numbers)
        taken: dict[int, str] = {}
        for name in PORT_KEYS:
            number = getattr(settled, name)
            if number in taken:
                where = ports[name].value if name in ports else ports[taken[number]].value
                self._document.mistake(
                    where, f"the port {number} for {taken[number]} and for {name}", "two different ports"
                )
            taken[number] = name
        return base, front_door, settled

    def _regions(self, entry: Entry | None, base: str) -> dict[str, RegionSettings]:
        expected = "regions: a mapping from AWS region codes to their settings"
        if entry is None:
            self._document.mistake(None, "no regions", expected)
            return {}
        regions: dict[str, RegionSettings] = {}
        entries = self._document.entries(entry.value, expected)
        for number, each in enumerate(entries, start=1):
            known = each.key in known_regions()
            if not known and not _REGION.fullmatch(each.key):
                self._document.mistake(each.key_node, f"the region {each.key}", _region_code(each.key))
            keys = self._document.keys(each.value, REGION_KEYS, "a region's settings")
            count = AZS_DEFAULT
            if "azs" in keys:
                wanted = f"a number of availability zones from 1 to {AZS_MAX}"
                count = self._document.scalar(keys["azs"].value, wanted, _az_count) or count
            address = f"{base}.{number}.1"
            if "address" in keys:
                address = self._document.scalar(keys["address"].value, _OUR_ADDRESS, _matching(_ADDRESS)) or address
            regions[each.key] = RegionSettings(
                address=address,
                azs=tuple(f"{each.key}{letter}" for letter in "abcdef"[:count]),
                parameters=self._parameters(keys.get("parameters")),
            )
        if not entries and not isinstance(entry.value, yaml.SequenceNode):
            self._document.mistake(entry.key_node, "regions without a region", expected)
        elif len(entries) > REGIONS_MAX:
            self._document.mistake(entry.key_node, f"{len(entries)} regions", f"at most {REGIONS_MAX}")
        return regions

    def _check_addresses(
        self, top: Mapping[str, Entry], regions: Mapping[str, RegionSettings], front_door: str
    ) -> None:
        """Every region listens on the same ports, so each needs an address of its own, and so does the front door."""
        owners = {front_door: "the front door"}
        for name, settings in regions.items():
            owner = owners.setdefault(settings.address, name)
            if owner == name:
                continue
            where = self._document.find(top.get("regions"), name, "address")
            if where is None:
                where = self._document.find(top.get("addresses"), "front_door")
            found = f"{settings.address} for {name} and for {owner}"
            self._document.mistake(where, found, "an address of its own for each region, and for the front door")

    def _parameters(self, entry: Entry | None) -> dict[str, str]:
        """The text as it is written: CloudFormation's parameters are text; a list is joined by commas, as there."""
        parameters: dict[str, str] = {}
        for each in self._document.entries(entry.value if entry else None, "a mapping from parameters to values"):
            if is_plain_list(each.value):
                parameters[each.key] = ",".join(item.value for item in each.value.value)
                continue
            value = self._document.scalar(each.value, "a single value or a list of them", str)
            if value is not None:
                parameters[each.key] = value
        return parameters

    def _links(
        self, entry: Entry | None, regions_entry: Entry | None, regions: dict[str, RegionSettings]
    ) -> dict[tuple[str, str], Link]:
        given: dict[tuple[str, str], Entry] = {}
        links: dict[tuple[str, str], Link] = {}
        expected = "a mapping from pairs of regions to links"
        for each in self._document.entries(entry.value if entry else None, expected):
            pairs = self._pairs(each, regions)
            for pair in pairs:
                if pair in given:
                    first = given[pair].key_node.start_mark.line + 1
                    found = f"the link {pair[0]} -> {pair[1]} a second time"
                    self._document.mistake(each.key_node, found, f"it once (it is in line {first} already)")
                given[pair] = each
            delay_known = all(_natural_delay_ms(a, b, regions) is not None for a, b in pairs)
            link, has_delay = self._link(each)
            if pairs and not has_delay and not delay_known:
                self._document.mistake(
                    each.key_node, f"no delay for {each.key}", "a delay: the distance is not built in"
                )
            for a, b in pairs:
                natural_ms = _natural_delay_ms(a, b, regions)
                links[a, b] = link if has_delay or natural_ms is None else replace(link, delay_ms=natural_ms)
        self._default_links(links, regions_entry, regions)
        return links

    def _default_links(
        self, links: dict[tuple[str, str], Link], regions_entry: Entry | None, regions: dict[str, RegionSettings]
    ) -> None:
        """The real distance for every pair that is not given; regions that are not built in must be given theirs."""
        nodes = {}
        if regions_entry is not None and isinstance(regions_entry.value, yaml.MappingNode):
            nodes = {key.value: key for key, _ in regions_entry.value.value}
        strange: set[str] = set()
        for a in regions:
            for b in regions:
                if a == b or (a, b) in links:
                    continue
                natural_ms = _natural_delay_ms(a, b, regions)
                if natural_ms is not None:
                    links[a, b] = Link(delay_ms=natural_ms)
                else:
                    unknown = {a, b} - set(known_regions())
                    strange |= {region for region in unknown if _REGION.fullmatch(region)}
        for region in sorted(strange):
            self._document.mistake(nodes.get(region), f"the region {region}", _region_code(region))

    def _pairs(self, entry: Entry, regions: dict[str, RegionSettings]) -> list[tuple[str, str]]:
        match = _PAIR.fullmatch(entry.key.strip())
        if match is None:
            self._document.mistake(entry.key_node, entry.key, "a pair of regions: A <-> B, or A -> B for one way")
            return []
        a, arrow, b = match[1], match[2], match[3]
        for region in (a, b):
            if region not in regions:
                expected = f"a region of this world: {either(regions) if regions else 'there is none'}"
                self._document.mistake(entry.key_node, f"the region {region}", expected + did_you_mean(region, regions))
        if a == b:
            self._document.mistake(entry.key_node, entry.key, "two different regions")
        if a == b or a not in regions or b not in regions:
            return []
        return [(a, b), (b, a)] if arrow == "<->" else [(a, b)]

    def _link(self, entry: Entry) -> tuple[Link, bool]:
        document = self._document
        if isinstance(entry.value, yaml.ScalarNode):
            delay_ms = document.scalar(entry.value, f"{DURATION}, or a mapping with {either(LINK_KEYS)}", duration_ms)
            return Link(delay_ms=delay_ms or 0.0), True
        keys = document.keys(entry.value, LINK_KEYS, "a link")
        link = Link(
            delay_ms=self._optional(keys, "delay", DURATION, duration_ms) or 0.0,
            jitter_ms=self._optional(keys, "jitter", DURATION, duration_ms) or 0.0,
            loss=self._optional(keys, "loss", SHARE, share) or 0.0,
            bandwidth_bytes_per_s=self._optional(keys, "bandwidth", BANDWIDTH, bandwidth_bytes_per_s),
            cut=self._optional(keys, "cut", "true or false", _boolean) or False,
        )
        return link, "delay" in keys

    def _optional(self, keys: Mapping[str, Entry], key: str, expected: str, read: Callable[[str], T]) -> T | None:
        return self._document.scalar(keys[key].value, expected, read) if key in keys else None

    def _lanes(self, entry: Entry | None) -> dict[str, LaneSettings]:
        lanes: dict[str, LaneSettings] = {}
        for each in self._document.entries(entry.value if entry else None, "a mapping from tables to lanes"):
            node, every = each.value, None
            if isinstance(node, yaml.MappingNode):
                keys = self._document.keys(node, ("mode", "every"), "a lane")
                if "mode" not in keys:
                    self._document.mistake(each.key_node, "a lane without mode", f"mode: {either(LANES_BUILT)}")
                    continue
                node, every = keys["mode"].value, keys.get("every")
                if every is not None and show(node) in LANES_BUILT and show(node) != "batch":
                    self._document.mistake(every.key_node, f"every, for the lane {show(node)}", "no more keys")
            lane = self._lane(node, every)
            if lane is not None:
                lanes[each.key] = lane
        return lanes

    def _lane(self, node: yaml.Node, every: Entry | None) -> LaneSettings | None:
        mode = self._document.scalar(node, f"the lane {either(LANES_BUILT)}", _one_of(LANES_BUILT))
        if mode != "batch":
            return None if mode is None else LaneSettings(mode)
        every_s = BATCH_INTERVAL_S
        if every is not None:
            interval_ms = self._document.scalar(every.value, "an interval from 1s to 24h, such as 1m", _batch_interval)
            every_s = (interval_ms or 0.0) / 1000
        return LaneSettings(mode, every_s)


def _natural_delay_ms(a: str, b: str, regions: Mapping[str, RegionSettings]) -> float | None:
    """What a link has if nobody says: the real distance, which hosts of their own have already; None: not known."""
    if not any(is_loopback(regions[name].address) for name in (a, b)):
        return 0.0
    return one_way_delay_ms(a, b) if {a, b} <= set(known_regions()) else None


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(text)
        return text

    return read


def _one_of(words: Iterable[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return read


def _whole(text: str, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most:
        raise ValueError(text)
    return number


def _port(text: str) -> int:
    return _whole(text, 1, 65535)


def _az_count(text: str) -> int:
    return _whole(text, 1, AZS_MAX)


def _batch_interval(text: str) -> float:
    milliseconds = duration_ms(text)
    if not 1000 <= milliseconds <= 24 * 3600 * 1000:
        raise ValueError(text)
    return milliseconds


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _region_code(name: str) -> str:
    return (
        f"an AWS region code{did_you_mean(name, known_regions())};"
        " one whose position is not built in needs the delay of each of its links"
    )
