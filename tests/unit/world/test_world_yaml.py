"""Every mistake in world.yaml is told with its line, what was found and what was expected; nothing is half read."""

from itertools import pairwise
from pathlib import Path

import pytest

from terrella.kernel import CITIES, PROFILES, TerrellaError
from terrella.region import LaneSettings, Ports
from terrella.wire.links import Link
from terrella.world import MistakesError, World, find_world, load_world

TWO = "template: t.yaml\nregions: {us-east-1: , eu-west-1: }\n"
NO_KEYS = (
    ", which is not loopback, in a world without access keys, expected security: {access_keys: [{id: …, secret: …}]},"
    " which requests are then signed with (docs/own-hosts.md)"
)


def read(directory: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.chdir(directory)
    (directory / "t.yaml").write_text("")
    (directory / "world.yaml").write_text(text)
    return load_world(Path("world.yaml"))


MISTAKES = {
    "unknown key": (
        "templat: t.yaml\nregions: {us-east-1: }",
        (
            "world.yaml:1: found the key templat, expected name, template, regions, profile, links, lanes, addresses,"
            " security or vantage_points (did you mean template?)\n"
            "world.yaml:1: found no template, expected template: the path of a SAM or CloudFormation template"
        ),
    ),
    "no YAML": (
        "template: t.yaml\nregions: [",
        (
            "world.yaml:3: found what is no YAML (while parsing a flow node did not find expected node content),"
            " expected YAML"
        ),
    ),
    "aliases without end": (
        "regions: &regions {us-east-1: {parameters: *regions}}\n",
        (
            "world.yaml:1: found more than 100,000 values, or an alias within what it names, once aliases are unfolded,"
            " expected fewer"
        ),
    ),
    "aliases of aliases": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise("abcdef")),
        (
            "world.yaml:1: found more than 100,000 values, or an alias within what it names, once aliases are unfolded,"
            " expected fewer"
        ),
    ),
    "empty": (
        "",
        (
            "world.yaml:1: found no regions, expected regions: a mapping from AWS region codes to their settings\n"
            "world.yaml:1: found no template, expected template: the path of a SAM or CloudFormation template"
        ),
    ),
    "a list": (
        "- a",
        (
            "world.yaml:1: found a list, expected a world, a mapping with name, template, regions, profile, links,"
            " lanes, addresses, security or vantage_points"
        ),
    ),
    "template is not there": (
        "template: other.yaml\nregions: {us-east-1: }",
        "world.yaml:1: found other.yaml, where there is no file, expected the path of a SAM or CloudFormation template",
    ),
    "regions as a list": (
        "template: t.yaml\nregions: [us-east-1]",
        "world.yaml:2: found a list, expected regions: a mapping from AWS region codes to their settings",
    ),
    "region code": (
        "template: t.yaml\nregions:\n  us-east-1:\n  eu-wst-1:",
        (
            "world.yaml:4: found the region eu-wst-1, expected an AWS region code (did you mean eu-west-1?);"
            " one whose position is not built in needs the delay of each of its links"
        ),
    ),
    "region twice": (
        "template: t.yaml\nregions:\n  us-east-1:\n  us-east-1:",
        "world.yaml:4: found us-east-1 a second time, expected it once (it is in line 3 already)",
    ),
    "azs": (
        "template: t.yaml\nregions:\n  us-east-1: {azs: many}",
        "world.yaml:3: found many, expected a number of availability zones from 1 to 6",
    ),
    "parameter": (
        "template: t.yaml\nregions:\n  us-east-1:\n    parameters:\n      A: {b: c}",
        "world.yaml:5: found a mapping, expected a single value or a list of them",
    ),
    "profile": (TWO + "profile: slow", "world.yaml:3: found slow, expected the profile aws or fast"),
    "delay without unit": (
        TWO + "links:\n  us-east-1 <-> eu-west-1: {delay: 38}",
        "world.yaml:4: found 38, expected a duration such as 38ms or 1.5s",
    ),
    "short link without unit": (
        TWO + "links:\n  us-east-1 <-> eu-west-1: 38",
        (
            "world.yaml:4: found 38, expected a duration such as 38ms or 1.5s, or a mapping with delay, jitter, loss,"
            " bandwidth or cut"
        ),
    ),
    "loss": (
        TWO + "links:\n  us-east-1 -> eu-west-1: {loss: 120%}",
        "world.yaml:4: found 120%, expected a share such as 1% or 0.01",
    ),
    "bandwidth": (
        TWO + "links:\n  us-east-1 -> eu-west-1: {bandwidth: fast}",
        "world.yaml:4: found fast, expected a bandwidth such as 10MB/s or 100Mbit/s",
    ),
    "cut": (
        TWO + "links:\n  us-east-1 -> eu-west-1: {cut: maybe}",
        "world.yaml:4: found maybe, expected true or false",
    ),
    "link pair": (
        TWO + "links:\n  us-east-1 - eu-west-1: 1ms",
        "world.yaml:4: found us-east-1 - eu-west-1, expected a pair of regions: A <-> B, or A -> B for one way",
    ),
    "link to nowhere": (
        TWO + "links:\n  us-east-1 <-> eu-west-2: 1ms",
        (
            "world.yaml:4: found the region eu-west-2, expected a region of this world: us-east-1 or eu-west-1"
            " (did you mean eu-west-1?)"
        ),
    ),
    "link to itself": (
        TWO + "links:\n  us-east-1 <-> us-east-1: 1ms",
        "world.yaml:4: found us-east-1 <-> us-east-1, expected two different regions",
    ),
    "link twice": (
        TWO + "links:\n  us-east-1 <-> eu-west-1: 1ms\n  eu-west-1 -> us-east-1: 2ms",
        "world.yaml:5: found the link eu-west-1 -> us-east-1 a second time, expected it once (it is in line 4 already)",
    ),
    "lane": (TWO + "lanes: {a: fast}", "world.yaml:3: found fast, expected the lane async, batch, local or sync"),
    "batch interval": (
        TWO + "lanes: {a: {mode: batch, every: 20ms}}",
        "world.yaml:3: found 20ms, expected an interval from 1s to 24h, such as 1m",
    ),
    "interval of another lane": (
        TWO + "lanes: {a: {mode: async, every: 1m}}",
        "world.yaml:3: found every, for the lane async, expected no more keys",
    ),
    "base": (
        TWO + 'addresses: {base: "10.0"}',
        'world.yaml:3: found 10.0, expected the first two numbers of loopback addresses, in quotes: "127.0"',
    ),
    "base of numbers that are none": (
        TWO + 'addresses: {base: "127.300"}',
        'world.yaml:3: found 127.300, expected the first two numbers of loopback addresses, in quotes: "127.0"',
    ),
    "front door in the open": (
        TWO + "addresses: {front_door: 0.0.0.0}",
        "world.yaml:3: found 0.0.0.0, expected an IPv4 address of its own, such as 10.0.0.1",
    ),
    "front door outside without keys": (
        TWO + "addresses: {front_door: 10.0.0.9}",
        "world.yaml:3: found the front door at 10.0.0.9" + NO_KEYS,
    ),
    "region outside without keys": (
        "template: t.yaml\nregions:\n  us-east-1:\n  eu-west-1:\n    address: 10.0.0.1\n",
        "world.yaml:5: found eu-west-1 at 10.0.0.1" + NO_KEYS,
    ),
    "region outside with an empty list of keys": (
        "template: t.yaml\nregions:\n  us-east-1: {address: 10.0.0.1}\nsecurity: {access_keys: []}\n",
        "world.yaml:3: found us-east-1 at 10.0.0.1" + NO_KEYS,
    ),
    "address": (
        "template: t.yaml\nregions:\n  us-east-1: {address: db.example.com}",
        "world.yaml:3: found db.example.com, expected an IPv4 address of its own, such as 10.0.0.1",
    ),
    "address twice": (
        "template: t.yaml\nregions:\n  us-east-1: {address: 127.9.0.1}\n  eu-west-1: {address: 127.9.0.1}",
        (
            "world.yaml:4: found 127.9.0.1 for eu-west-1 and for us-east-1, expected an address of its own for each"
            " region, and for the front door"
        ),
    ),
    "security": (
        TWO + "security: {acces_keys: []}",
        ("world.yaml:3: found the key acces_keys, expected certificates or access_keys (did you mean access_keys?)"),
    ),
    "access keys as a mapping": (
        TWO + "security: {access_keys: {id: secret}}",
        "world.yaml:3: found a mapping, expected a list of access keys, each with id and secret",
    ),
    "access key without anything": (
        TWO + "security:\n  access_keys:\n  - {}",
        (
            "world.yaml:5: found an access key without id, expected id: a name such as AKIAEXAMPLE\n"
            "world.yaml:5: found an access key without a secret, expected secret, or secret_file with the path of a"
            " file that holds it"
        ),
    ),
    "two secrets": (
        TWO + "security: {access_keys: [{id: AKIA, secret: abcdefgh, secret_file: a}]}",
        (
            "world.yaml:3: found both secret and secret_file, expected secret, or secret_file with the path of a file"
            " that holds it"
        ),
    ),
    "short secret, which is not shown": (
        TWO + "security: {access_keys: [{id: AKIA, secret: abc}]}",
        "world.yaml:3: found a secret of 3 characters, or with spaces, expected 8 characters or more, without spaces",
    ),
    "access key twice": (
        TWO + "security: {access_keys: [{id: AKIA, secret: abcdefgh}, {id: AKIA, secret: 12345678}]}",
        "world.yaml:3: found the access key AKIA a second time, expected each once",
    ),
    "certificates without most": (
        TWO + "security:\n  certificates:\n    regions:\n      us-east-1: {certificate: a.pem}",
        (
            "world.yaml:4: found no authority, expected authority: the path of a PEM file\n"
            "world.yaml:5: found no certificate for eu-west-1, expected one for every region\n"
            "world.yaml:6: found no key, expected key: the path of a PEM file"
        ),
    ),
    "certificates of a region that is not there": (
        TWO + "security: {certificates: {authority: a, regions: {us-east-1: {certificate: a, key: b},"
        " eu-west-1: {certificate: a, key: b}, eu-west-2: {certificate: a, key: b}}}}",
        "world.yaml:3: found the key eu-west-2, expected us-east-1 or eu-west-1 (did you mean eu-west-1?)",
    ),
    "front door in a region": (
        TWO + "addresses: {front_door: 127.0.1.1}",
        (
            "world.yaml:3: found 127.0.1.1 for us-east-1 and for the front door, expected an address of its own for"
            " each region, and for the front door"
        ),
    ),
    "port": (
        TWO + "addresses: {ports: {aws: 99999}}",
        "world.yaml:3: found 99999, expected a port from 1 to 65535",
    ),
    "port twice": (
        TWO + "addresses: {ports: {aws: 8080}}",
        "world.yaml:3: found the port 8080 for aws and for application, expected two different ports",
    ),
    "vantage point without a place": (
        TWO + "vantage_points: {office: {country: DE}}",
        (
            "world.yaml:3: found office without latitude, expected latitude and longitude in degrees, or near: a city"
            " such as frankfurt"
        ),
    ),
    "vantage point off the map": (
        TWO + "vantage_points: {office: {latitude: 95, longitude: 11, country: Germany}}",
        (
            "world.yaml:3: found 95, expected degrees from -90 to 90\n"
            "world.yaml:3: found Germany, expected a country's code of two capital letters, such as DE"
        ),
    ),
    "vantage point near nowhere": (
        TWO + "vantage_points: {office: {near: frankfort}}",
        ("world.yaml:3: found frankfort, expected a built-in city, or an AWS region (did you mean frankfurt?)"),
    ),
    "vantage point far from another world's region": (
        TWO + "vantage_points: {office: {near: london, delays: {us-west-2: 3ms}}}",
        "world.yaml:3: found the key us-west-2, expected us-east-1 or eu-west-1 (did you mean us-east-1?)",
    ),
    "vantage point called as a region": (
        TWO + "vantage_points: {eu-west-2: {near: london}}",
        "world.yaml:3: found eu-west-2, expected a name of small letters, digits and hyphens, not a region's",
    ),
    "name": (
        TWO + "name: 9 lives",
        "world.yaml:3: found 9 lives, expected a name of letters, digits and hyphens that begins with a letter",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MistakesError) as raised:
        read(tmp_path, text, monkeypatch)
    assert str(raised.value) == message


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "template: t.yaml\nregions:\n  us-east-1: {azs: 0}\n  eu-west-1: {zones: 2}\nprofile: x\n"
    with pytest.raises(MistakesError) as raised:
        read(tmp_path, text, monkeypatch)
    assert [line.split(" ")[0] for line in raised.value.lines] == ["world.yaml:3:", "world.yaml:4:", "world.yaml:5:"]


def test_everything_but_template_and_regions_has_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "my guest book"
    directory.mkdir()
    world = read(directory, TWO, monkeypatch)
    assert world.name == "my-guest-book"
    assert world.regions["us-east-1"].azs == ("us-east-1a", "us-east-1b")
    assert [settings.address for settings in world.regions.values()] == ["127.0.1.1", "127.0.2.1"]
    assert world.links["us-east-1", "eu-west-1"] == world.links["eu-west-1", "us-east-1"] == Link(delay_ms=34.0)
    assert (world.profile, world.front_door, world.ports) == (PROFILES["fast"], "127.0.0.1", Ports())


def test_what_is_given_is_what_a_region_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """\
name: guestbook
template: t.yaml
regions:
  eu-west-1: {azs: 1, parameters: {Count: 007, On: true, List: [a, b]}}
  us-east-1: {azs: 3}
profile: aws
links:
  us-east-1 -> eu-west-1: {delay: 0.2s, jitter: 2ms, loss: 1%, bandwidth: 8Mbit/s}
  eu-west-1 -> us-east-1: {cut: true}
lanes: {orders: local, clicks: {mode: async}, views: {mode: batch, every: 1h}, tips: batch, orders2: sync}
addresses: {base: "127.9", ports: {aws: 5000}}
"""
    configuration = read(tmp_path, text, monkeypatch).region_configuration("us-east-1")
    assert configuration.peers == ("eu-west-1",)
    assert configuration.own.address == "127.9.2.1"
    assert configuration.own.azs == ("us-east-1a", "us-east-1b", "us-east-1c")
    assert configuration.regions["eu-west-1"].parameters == {"Count": "007", "On": "true", "List": "a,b"}
    assert configuration.links["us-east-1", "eu-west-1"] == Link(200, 2, 0.01, 1e6)
    assert configuration.links["eu-west-1", "us-east-1"] == Link(34.0, cut=True)
    assert configuration.lanes == {
        "orders": LaneSettings("local"),
        "clicks": LaneSettings("async"),
        "views": LaneSettings("batch", 3600),
        "tips": LaneSettings("batch", 60),
        "orders2": LaneSettings("sync"),
    }
    assert configuration.ports == Ports(aws=5000)
    assert configuration.profile.name == "aws"


def test_vantage_points_are_added_to_the_built_in_cities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "vantage_points: {munich: {latitude: 48.14, longitude: 11.58, country: DE, continent: EU},"
    own += " warehouse: {near: seattle, delays: {us-east-1: 80ms}}, oslo: {near: eu-north-1, country: 'NO'}}"
    points = read(tmp_path, TWO + own, monkeypatch).vantage_points
    assert points["tokyo"] is CITIES["tokyo"]
    assert points["munich"].nearest_region() == "eu-central-2"
    assert 0.009 < points["munich"].delay_to("eu-west-1") < 0.013
    assert points["warehouse"].delay_to("us-east-1") == 0.08
    assert points["warehouse"].delay_to("eu-west-1") == CITIES["seattle"].delay_to("eu-west-1")
    assert (points["oslo"].country, points["oslo"].continent) == ("NO", "EU")


def test_a_region_that_is_not_built_in_may_be_used_if_its_links_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "template: t.yaml\nregions: {us-gov-west-1: , us-east-1: }\n"
    with pytest.raises(MistakesError, match="found the region us-gov-west-1"):
        read(tmp_path, text, monkeypatch)
    with pytest.raises(MistakesError, match="expected a delay: the distance is not built in"):
        read(tmp_path, text + "links: {us-gov-west-1 <-> us-east-1: {jitter: 1ms}}", monkeypatch)
    world = read(tmp_path, text + "links: {us-gov-west-1 <-> us-east-1: 31ms}", monkeypatch)
    assert world.links["us-east-1", "us-gov-west-1"].delay_ms == 31


def test_a_missing_file_beside_a_template_is_answered_with_a_world_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TerrellaError, match=r"found no world\.yaml, expected a world there"):
        find_world(None)
    (tmp_path / "template.yaml").write_text("")
    with pytest.raises(TerrellaError, match=r"found template\.yaml but no world\.yaml; write one \(terrella") as raised:
        find_world(None)
    example = str(raised.value).partition("\n\n")[2]
    (tmp_path / "world.yaml").write_text(example)
    assert list(load_world(find_world(None)).regions) == ["us-east-1", "us-west-2", "eu-west-1"]


def test_an_unknown_region_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TerrellaError, match="has no region us-west-2; it has us-east-1, eu-west-1"):
        read(tmp_path, TWO, monkeypatch).region_configuration("us-west-2")


HOSTS = """\
template: t.yaml
regions:
  us-east-1: {address: 10.0.0.1}
  eu-west-1: {address: 10.0.0.2}
  eu-north-9: {address: 10.0.0.3}
links:
  us-east-1 -> eu-west-1: {loss: 1%}
security:
  access_keys:
  - {id: AKIAONE, secret_file: secret}
  - {id: AKIATWO, secret: something else}
"""


def test_hosts_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their links have the delay that they have; nothing is added, and no distance need be known."""
    (tmp_path / "secret").write_text("of the file\n".replace(" ", "-"))
    world = read(tmp_path, HOSTS.replace("something else", "something-else"), monkeypatch)
    assert world.exposed
    assert [settings.address for settings in world.regions.values()] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert world.links["us-east-1", "eu-west-1"] == Link(loss=0.01)
    assert world.links["eu-north-9", "eu-west-1"] == Link()
    keys = world.region_configuration("eu-west-1").security.access_keys
    assert [(key.id, key.secret) for key in keys] == [("AKIAONE", "of-the-file"), ("AKIATWO", "something-else")]


def test_loopback_takes_anybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys or not: local emulators do, and nobody else can come in."""
    world = read(tmp_path, TWO + "security: {access_keys: [{id: AKIA, secret: abcdefgh}]}", monkeypatch)
    assert not world.exposed
    assert world.region_configuration("eu-west-1").security.access_keys == ()


def test_a_secret_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MistakesError, match=r"world.yaml:10: found .*secret, which cannot be read \(no such file"):
        read(tmp_path, HOSTS.replace("something else", "something-else"), monkeypatch)
