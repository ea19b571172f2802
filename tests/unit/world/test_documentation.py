"""docs/world.md names every key with its default, and its examples are worlds."""

import re
from pathlib import Path

import pytest

from terrella.kernel import CITIES
from terrella.region import Ports
from terrella.wire.links import Link
from terrella.world import World, load_world
from terrella.world.loader import ADDRESSES_KEYS, AZS_DEFAULT, KEYS, LINK_KEYS, PORT_KEYS, REGION_KEYS
from terrella.world.security import CERTIFICATES_KEYS, SECURITY_KEYS
from terrella.world.vantage_points import VANTAGE_POINT_KEYS

PAGE = (Path(__file__).parents[3] / "docs" / "world.md").read_text()
OWN_HOSTS = (Path(__file__).parents[3] / "docs" / "own-hosts.md").read_text()
ROWS = dict(re.findall(r"^\| `([^`]+)` \| ([^|]*?) ?\|", PAGE.partition("## Keys")[2], re.MULTILINE))
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def load(directory: Path, text: str) -> World:
    (directory / "template.yaml").write_text("")
    (directory / "world.yaml").write_text(text)
    return load_world(directory / "world.yaml")


def test_every_key_has_a_row_and_every_row_a_key() -> None:
    keys = {"lanes.TABLE.mode", "lanes.TABLE.every", *(key for key in KEYS if key != "addresses")}
    keys |= {f"regions.REGION.{key}" for key in REGION_KEYS}
    keys |= {f"vantage_points.NAME.{key}" for key in VANTAGE_POINT_KEYS}
    keys |= {f"security.{key}" for key in SECURITY_KEYS}
    keys |= {f"security.certificates.{key}" for key in CERTIFICATES_KEYS}
    keys |= {f"links.PAIR.{key}" for key in LINK_KEYS}
    keys |= {f"addresses.{key}" for key in ADDRESSES_KEYS if key != "ports"}
    keys |= {f"addresses.ports.{key}" for key in PORT_KEYS}
    assert {
        row
        for row in ROWS
        if not row.startswith(("REGION", "certificates", "logs", "tmp", "world.pid", "control.json"))
    } == keys


def test_the_defaults_are_what_the_rows_say(tmp_path: Path) -> None:
    world = load(tmp_path, EXAMPLES[0])
    assert ROWS["profile"] == f"`{world.profile.name}`"
    assert ROWS["regions.REGION.azs"] == f"`{AZS_DEFAULT}`"
    for name in PORT_KEYS:
        assert ROWS[f"addresses.ports.{name}"] == f"`{getattr(Ports(), name)}`"
    assert world.front_door == "127.0.0.1"
    assert world.links["us-east-1", "us-west-2"] == Link(delay_ms=32.0)


def test_every_built_in_city_is_named() -> None:
    named = PAGE.partition("These are built in: ")[2].partition(". `vantage_points` adds")[0]
    assert re.split(r",\s+|\s+and\s+", named) == sorted(CITIES)


def test_the_examples_of_own_hosts_are_worlds(tmp_path: Path) -> None:
    whole, security, _ = re.findall(r"```yaml\n(.*?)```", OWN_HOSTS, re.DOTALL)
    (tmp_path / "secret").write_text("correct-horse-battery-staple\n")
    whole = whole.replace("/etc/terrella/secret", "secret")
    world = load(tmp_path, whole)
    assert world.exposed
    assert world.security.access_keys[0].secret == "correct-horse-battery-staple"
    keys = whole.partition("security:\n")[2]
    certificates = load(tmp_path, whole.partition("security:\n")[0] + security + keys).security.certificates
    assert str(certificates["eu-west-1"].key) == "/etc/terrella/region.key"


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_are_worlds(text: str, tmp_path: Path) -> None:
    assert len(load(tmp_path, text).regions) == 3
