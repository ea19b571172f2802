"""When a world has come to rest, by its status."""

from typing import Any

import pytest

from terrella.testing.plugin.settling import calm_s, down_regions, standing_of

REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
NOBODY: frozenset[str] = frozenset()
ALL_WELL: dict[str, bool | None] = dict.fromkeys(REGIONS, True)
LOST = frozenset({"eu-west-1"})
ONE_LOST: dict[str, bool | None] = {**ALL_WELL, "eu-west-1": False}


def verdict(region: str, healthy: bool = True, checkers: dict[str, bool] | None = None) -> dict[str, Any]:
    found = checkers if checkers is not None else dict.fromkeys(REGIONS, healthy)
    return {"name": "HealthCheck", "region": region, "healthy": healthy, "checkers": found}


def world(cut: bool = False, **states: str) -> dict[str, Any]:
    """A world at rest, where the regions named by ``states`` (``_`` for ``-``) are otherwise, and found unhealthy."""
    states = {name.replace("_", "-"): state for name, state in states.items()}
    regions = [
        {
            "region": name,
            "state": states.get(name, "serving"),
            "reason": "",
            "health": {one: verdict(one, one not in states) for one in REGIONS},
        }
        for name in REGIONS
    ]
    return {"regions": regions, "links": [{"from": "us-east-1", "to": "eu-west-1", "cut": cut}]}


def test_a_whole_world_is_at_rest() -> None:
    found = standing_of(world(), NOBODY, ALL_WELL)
    assert (found.waiting, found.unsure) == ([], [])


def test_a_region_that_starts_is_waited_for() -> None:
    found = standing_of(world(eu_west_1="catching-up"), NOBODY, ALL_WELL)
    assert found.waiting == ["eu-west-1 is catching-up"]


def test_a_region_that_is_down_has_to_be_found_unhealthy() -> None:
    status = world(eu_west_1="held-down")
    assert down_regions(status) == LOST
    assert standing_of(status, LOST, ONE_LOST).unsure == []
    status["regions"][0]["health"]["eu-west-1"] = verdict("eu-west-1")
    assert standing_of(status, LOST, ONE_LOST).unsure == ["us-east-1 does not find HealthCheck of eu-west-1 unhealthy"]


def test_an_application_that_calls_itself_unhealthy_is_at_rest_when_all_have_found_that() -> None:
    status = world()
    assert len(standing_of(status, NOBODY, ONE_LOST).unsure) == 3
    for region in status["regions"]:
        region["health"]["eu-west-1"] = verdict("eu-west-1", healthy=False)
    assert standing_of(status, NOBODY, ONE_LOST).unsure == []


def test_what_checkers_in_regions_that_are_down_saw_does_not_count() -> None:
    status = world(eu_west_1="held-down")
    for region in status["regions"]:
        region["health"]["us-east-1"] = verdict(
            "us-east-1", checkers={**dict.fromkeys(REGIONS, True), "eu-west-1": False}
        )
    assert standing_of(status, LOST, ONE_LOST).unsure == []


def test_a_paused_region_is_down_and_one_that_crashed_is_not() -> None:
    assert down_regions(world(eu_west_1="paused", us_east_1="down")) == LOST


@pytest.mark.parametrize(
    "checkers", [{"us-east-1": True, "us-west-2": True}, dict.fromkeys(REGIONS, True) | {"us-west-2": False}]
)
def test_every_checker_has_to_agree(checkers: dict[str, bool]) -> None:
    status = world()
    status["regions"][0]["health"]["us-west-2"] = verdict("us-west-2", checkers=checkers)
    assert len(standing_of(status, NOBODY, ALL_WELL).unsure) == 1


def test_where_nothing_can_be_expected_only_calm_counts() -> None:
    assert len(standing_of(world(), NOBODY, {**ALL_WELL, "eu-west-1": None}).unsure) == 3
    before = standing_of(world(cut=True), NOBODY, ALL_WELL)
    assert before.unsure == ["links are cut"]
    status = world(cut=True)
    status["regions"][0]["health"]["eu-west-1"] = verdict("eu-west-1", healthy=False)
    assert standing_of(status, NOBODY, ALL_WELL).seen != before.seen


def test_calm_takes_as_long_as_the_profile_is_slow() -> None:
    assert calm_s("fast") == pytest.approx(2.0)
    assert calm_s("aws") > 3 * 30
