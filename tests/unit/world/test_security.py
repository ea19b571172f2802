"""What must be there before a region starts: certificates that the others will take."""

from collections.abc import Callable
from pathlib import Path

import pytest

from terrella.kernel import SystemClock, TerrellaError
from terrella.testing import ManualClock
from terrella.wire.tls import Identity, check_own
from terrella.world import World, load_world, make_certificates, require_certificates

CLOCK = SystemClock()
KEYS = "security:\n  access_keys: [{id: AKIA, secret: abcdefgh}]\n"
OWN = (
    "security:\n  certificates:\n    authority: own/authority.pem\n    regions:\n"
    "      us-east-1: {certificate: own/us-east-1.pem, key: own/us-east-1.key}\n"
    "      eu-west-1: {certificate: own/eu-west-1.pem, key: own/eu-west-1.key}\n"
    "  access_keys: [{id: AKIA, secret: abcdefgh}]\n"
)
Write = Callable[..., World]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(more: str = KEYS, name: str = "items", address: str = "10.0.0") -> World:
        (tmp_path / "template.yaml").write_text("")
        regions = f"  us-east-1: {{address: {address}.1}}\n  eu-west-1: {{address: {address}.2}}\n"
        path = tmp_path / "world.yaml"
        path.write_text(f"name: {name}\ntemplate: template.yaml\nregions:\n{regions}{more}")
        return load_world(path)

    return write


def test_a_region_on_loopback_makes_what_is_missing(write: Write) -> None:
    """All at once, so that those who start beside it find theirs; keys are for their owner's eyes."""
    world = write(address="127.9.0")
    require_certificates(world, "us-east-1", CLOCK)
    check_own(world.tls_files("eu-west-1"), Identity("items", "eu-west-1"))
    directory = world.development_authority.directory
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} >= {"authority.key", "eu-west-1.key"}
    assert all(mode == 0o600 for name, mode in modes.items() if name.endswith(".key"))
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    require_certificates(world, "eu-west-1", CLOCK)
    assert before == {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_region_elsewhere_makes_nothing_by_itself(write: Write) -> None:
    """Its host's authority would be a stranger to the others'."""
    world = write()
    with pytest.raises(
        TerrellaError, match=r"us-east-1 is at 10.0.0.1, which is not loopback: found no .*us-east-1\.key"
    ):
        require_certificates(world, "us-east-1", CLOCK)
    assert make_certificates(world, CLOCK) == ["us-east-1", "eu-west-1", "front-door", "monitor"]
    assert make_certificates(world, CLOCK) == []
    require_certificates(world, "us-east-1", CLOCK)


def test_what_does_not_hold_any_more_is_made_anew(write: Write) -> None:
    """After the world was given another name, or ten years."""
    world = write()
    authority = world.development_authority
    authority.ensure(["us-east-1"], ManualClock(631_152_000_000))
    assert "expired" in reason(world, "us-east-1")
    (authority.directory / "authority.key").unlink()
    with pytest.raises(TerrellaError, match="terrella certificates makes them, where the authority is"):
        make_certificates(world, CLOCK)
    for path in authority.directory.iterdir():
        path.unlink()
    make_certificates(world, CLOCK)
    renamed = write(name="orders")
    assert "expected one of terrella://orders/us-east-1" in reason(renamed, "us-east-1")
    assert "us-east-1" in make_certificates(renamed, CLOCK)
    require_certificates(renamed, "us-east-1", CLOCK)


def reason(world: World, name: str) -> str:
    with pytest.raises(TerrellaError) as caught:
        require_certificates(world, name, CLOCK)
    return str(caught.value)


def test_certificates_of_ones_own(write: Write, tmp_path: Path) -> None:
    world = write(OWN)
    assert "world.yaml:7: found no file" in reason(world, "us-east-1")
    (tmp_path / "own").mkdir()
    made = write().development_authority
    made.ensure(["us-east-1", "eu-west-1", "front-door"], CLOCK)
    for path in made.directory.iterdir():
        (tmp_path / "own" / path.name).write_bytes(path.read_bytes())
    require_certificates(world, "us-east-1", CLOCK)
    (tmp_path / "own" / "eu-west-1.pem").unlink()
    require_certificates(world, "us-east-1", CLOCK)  # that one is on another host
    (tmp_path / "own" / "eu-west-1.pem").write_bytes((tmp_path / "own" / "us-east-1.pem").read_bytes())
    assert "key values mismatch" in reason(world, "eu-west-1")
    (tmp_path / "own" / "eu-west-1.key").write_bytes((tmp_path / "own" / "us-east-1.key").read_bytes())
    assert "found a certificate of terrella://items/us-east-1" in reason(world, "eu-west-1")
    (tmp_path / "own" / "us-east-1.key").write_text("no key")
    assert "expected a certificate and its key, as PEM without a password" in reason(world, "us-east-1")


def test_a_front_door_needs_one_of_its_own_as_well(write: Write, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    made = write().development_authority
    made.ensure(["us-east-1", "eu-west-1"], CLOCK)
    for path in made.directory.iterdir():
        (tmp_path / "own" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(TerrellaError, match=r"world.yaml:\d+: found no certificate for the front door"):
        make_certificates(write(OWN), CLOCK)
