"""A first game day is one that can be held as it stands."""

from pathlib import Path

import pytest
import yaml

from terrella.gameday import GameDay, draft_game_day, load_game_day
from terrella.world import World, load_world

ORDERS = [("GET", "/health"), ("POST", "/orders"), ("GET", "/orders/{order_id}")]


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , ap-south-1: }\n")
    return load_world(tmp_path / "world.yaml")


def read(world: World, routes: list[tuple[str, str]], profile: str = "fast") -> tuple[GameDay, str]:
    path = world.path.parent / "first.yaml"
    path.write_text(draft_game_day(world, routes))
    return load_game_day(path, profile=profile), path.read_text()


@pytest.mark.parametrize("profile", ["fast", "aws"])
def test_what_can_be_sent_as_it_is_is_sent_and_the_rest_is_there_to_be_filled_in(world: World, profile: str) -> None:
    gameday, text = read(world, ORDERS, profile)
    assert gameday.load is not None
    assert gameday.load.mix == {"get-health": 1}
    assert [place.name for place in gameday.load.vantage_points] == ["new-york", "mumbai"]
    assert [planned.fault.told() for planned in gameday.faults] == ["kill ap-south-1"]
    assert set(gameday.load.requests) == {"get-health", "get-orders-id", "post-orders"}
    create = yaml.safe_load(text)["requests"]["post-orders"]
    assert (create["writes"], create["read_back"]) == ("{id}", "GET /orders/{id}")


def test_where_everything_needs_its_author_everything_is_sent(world: World) -> None:
    gameday, _ = read(world, [("PUT", "/carts/{cart}"), ("GET", "/carts/{cart}")])
    assert gameday.load is not None
    assert gameday.load.mix == {"get-carts-id": 1, "put-carts-id": 1}


def test_routes_that_cannot_be_guessed_are_named(world: World) -> None:
    _, text = read(world, [*ORDERS, ("DELETE", "/orders/{id}"), ("ANY", "/{proxy+}"), ("GET", "/a/{b}/{c}")])
    for route in ("DELETE /orders/{id}", "ANY /{proxy+}", "GET /a/{b}/{c}"):
        assert f"# {route}: describe it" in text


def test_an_application_without_routes_has_a_first_request_too(world: World) -> None:
    gameday, _ = read(world, [])
    assert gameday.load is not None
    assert set(gameday.load.mix) == {"front"}


def test_the_only_region_loses_a_zone(world: World) -> None:
    world.path.write_text("template: template.yaml\nregions: {eu-west-1: }\n")
    gameday, _ = read(load_world(world.path), ORDERS)
    assert [planned.fault.subject for planned in gameday.faults] == ["eu-west-1/eu-west-1a"]
