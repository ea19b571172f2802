"""The copy of ``world.yaml`` that a world under test runs."""

from pathlib import Path

import pytest

from terrella.kernel import TerrellaError
from terrella.testing.plugin.application import Application, find_world_yaml

WORLD = """
name: shop
template: stacks/template.yaml
regions:
  us-east-1: {azs: 1, address: 10.0.0.1}
  eu-west-1:
links: {us-east-1 <-> eu-west-1: 38ms}
addresses: {front_door: 10.0.0.9, ports: {aws: 5566}}
security: {access_keys: [{id: AKIASHOP, secret: correct-horse-battery}]}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "template.yaml").write_text("Resources: {}")
    (tmp_path / "world.yaml").write_text(WORLD)
    return tmp_path / "world.yaml"


def test_it_is_the_same_world_on_loopback(path: Path, tmp_path: Path) -> None:
    copy = Application(path).copy_to(tmp_path / "state", "127.77")
    assert (copy.name, copy.template) == ("shop", tmp_path / "stacks" / "template.yaml")
    assert {name: each.address for name, each in copy.regions.items()} == {
        "us-east-1": "127.77.1.1",
        "eu-west-1": "127.77.2.1",
    }
    assert copy.regions["us-east-1"].azs == ("us-east-1a",)
    assert (copy.front_door, copy.ports.aws, copy.exposed) == ("127.77.0.1", 5566, False)
    assert copy.links["us-east-1", "eu-west-1"].delay_ms == 38
    assert copy.state_directory == tmp_path / "state" / ".terrella"


def test_a_profile_of_the_tests_own(path: Path, tmp_path: Path) -> None:
    assert Application(path, "aws").copy_to(tmp_path / "state", "127.77").profile.name == "aws"
    with pytest.raises(TerrellaError, match=r"found the profile 'slow', expected aws or fast"):
        Application(path, "slow")


def test_mistakes_are_told_with_the_lines_of_the_original(path: Path) -> None:
    path.write_text(WORLD.replace("38ms", "far"))
    with pytest.raises(TerrellaError, match=r"world.yaml:7: found far"):
        Application(path).load()


def test_the_nearest_world_is_found_up_to_the_root(path: Path, tmp_path: Path) -> None:
    below = tmp_path / "tests" / "regions"
    below.mkdir(parents=True)
    assert find_world_yaml(below, tmp_path) == path
    with pytest.raises(TerrellaError, match=r"terrella_world_yaml"):
        find_world_yaml(below, below)
