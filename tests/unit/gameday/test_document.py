"""A game day's file: what it says, and every mistake in it with its line."""

import re
from pathlib import Path

import pytest

from terrella.gameday import EXPECTATIONS, load_game_day
from terrella.gameday.aborts import ABORTS
from terrella.gameday.document import KEYS
from terrella.gameday.faults import FAULTS
from terrella.gameday.load_document import LOAD_KEYS
from terrella.kernel import TerrellaError
from terrella.world import MistakesError

ROOT = Path(__file__).parents[3]
LIBRARY = ROOT / "examples" / "items" / "gamedays"
READY = sorted(path for path in LIBRARY.glob("*.yaml") if path.name != "requests.yaml")
DOCS = (ROOT / "docs" / "gamedays.md").read_text()

WRONG = """\
name: everything wrong
load: {rate: many, from: [atlantis], mix: {create: 3}}
requests:
  create: {method: POST, path: items}
faults:
  - {at: 5s, kill: mars-1}
  - {at: soon, kill: eu-west-1}
  - {at: 6s, kil: eu-west-1}
  - {at: 7s, restore: us-east-1}
expect:
  availability: ">= 99.9"
  avalability: ">= 99.9%"
abort: {serving: few}
wish: luck
"""


@pytest.mark.parametrize("profile", ["fast", "aws"])
@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_every_ready_game_day_can_be_read_in_both_profiles(path: Path, profile: str) -> None:
    gameday = load_game_day(path, profile=profile)
    assert gameday.profile.name == profile
    assert gameday.about
    assert gameday.faults
    assert all(one.until_s is not None for one in gameday.faults), "a ready game day mends what it breaks"
    assert gameday.expectations
    assert gameday.load is not None


def test_every_mistake_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , eu-west-1: }\n")
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    with pytest.raises(MistakesError) as raised:
        load_game_day(path)
    lines = [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in raised.value.lines]
    assert lines == sorted(lines)
    assert set(lines) == {2, 4, 6, 7, 8, 11, 12, 13, 14}, "\n".join(raised.value.lines)
    told = str(raised.value)
    for words in ("atlantis", "mars-1", "did you mean kill?", "did you mean availability?", "the key wish", "99.9"):
        assert words in told, told


@pytest.mark.parametrize("clients", ["0", "-3", "100000000", "many"])
def test_so_many_clients_there_cannot_be(tmp_path: Path, clients: str) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , eu-west-1: }\n")
    path = tmp_path / "gameday.yaml"
    load = f"{{rate: 5/s, from: [tokyo], clients: {clients}}}"
    path.write_text(f"load: {load}\nrequests: {{a: {{method: GET, path: /}}}}\n")
    with pytest.raises(MistakesError, match="expected a number of clients from 1 to 10000"):
        load_game_day(path)


def test_a_restoration_of_what_is_not_broken_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , eu-west-1: }\n")
    path = tmp_path / "gameday.yaml"
    path.write_text("faults:\n  - {at: 5s, kill: eu-west-1}\n  - {at: 7s, restore: us-east-1}\n")
    with pytest.raises(MistakesError, match=r"gameday.yaml:3: found restore: us-east-1, of which nothing is broken"):
        load_game_day(path, with_load=False)


def test_the_same_fault_twice_at_a_time_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , eu-west-1: }\n")
    path = tmp_path / "gameday.yaml"
    path.write_text("faults:\n  - {at: 5s, kill: eu-west-1}\n  - {at: 7s, kill: eu-west-1, for: 1s}\n")
    with pytest.raises(MistakesError, match=r"gameday.yaml:3: found kill eu-west-1 while that of line 2 lasts"):
        load_game_day(path, with_load=False)


def test_without_a_world_there_is_no_game_day(tmp_path: Path) -> None:
    path = tmp_path / "alone.yaml"
    path.write_text("name: alone\n")
    with pytest.raises(TerrellaError, match=r"found no world for this game day"):
        load_game_day(path)


def test_without_load_the_file_need_not_say_any(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , eu-west-1: }\n")
    path = tmp_path / "gameday.yaml"
    path.write_text('faults: [{at: 5s, kill: eu-west-1, for: 4s}]\nexpect: {availability: ">= 99%"}\n')
    gameday = load_game_day(path, with_load=False)
    assert gameday.load is None
    assert gameday.duration_s == 9.0 + 15.0
    with pytest.raises(MistakesError, match="found no load"):
        load_game_day(path)


# docs/gamedays.md


def blocks() -> list[str]:
    """The whole game days in the documentation."""
    return [text for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL) if "expect:" in text]


@pytest.mark.parametrize("text", blocks())
@pytest.mark.parametrize("profile", ["fast", "aws"])
def test_the_game_days_of_the_documentation_can_be_read(text: str, profile: str, tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , us-west-2: , eu-west-1: }\n")
    path = tmp_path / "gameday.yaml"
    path.write_text(text)
    assert load_game_day(path, profile=profile).expectations


@pytest.mark.parametrize(
    "word", sorted({*KEYS, *LOAD_KEYS, *EXPECTATIONS, *FAULTS, *ABORTS, *(path.stem for path in READY)})
)
def test_the_documentation_names_everything(word: str) -> None:
    assert f"`{word}`" in DOCS or f"[`{word}`]" in DOCS, word
