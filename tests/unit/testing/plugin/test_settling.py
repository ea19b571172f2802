"""When a world has come to rest, by its status."""

from typing import Any

import pytest

from terrella.testing.plugin.settling import calm_s, standing_of

REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
NOBODY: frozenset[str] = frozenset()


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
    found = standing_of(world(), NOBODY)
    assert (found.waiting, found.unsure) == ([], [])


def test_a_region_that_starts_is_waited_for() -> None:
    found = standing_of(world(eu_west_1="catching-up"), NOBODY)
    assert found.waiting == ["eu-west-1 is catching-up"]


def test_a_region_that_is_down_has_to_be_found_unhealthy() -> None:
    status = world(eu_west_1="held-down")
    assert standing_of(status, NOBODY).unsure == []
    status["regions"][0]["health"]["eu-west-1"] = verdict("eu-west-1")
    assert standing_of(status, NOBODY).unsure == [
        "us-east-1 does not find HealthCheck of eu-west-1 unhealthy as a whole"
    ]


def test_what_checkers_in_regions_that_are_down_saw_does_not_count() -> None:
    status = world(eu_west_1="held-down")
    for region in status["regions"]:
        region["health"]["us-east-1"] = verdict(
            "us-east-1", checkers={**dict.fromkeys(REGIONS, True), "eu-west-1": False}
        )
    assert standing_of(status, NOBODY).unsure == []


def test_a_paused_region_is_expected_to_be_found_unhealthy() -> None:
    status = world()
    assert len(standing_of(status, frozenset({"eu-west-1"})).unsure) == 2  # the other two have not noticed yet
    for region in status["regions"]:
        region["health"]["eu-west-1"] = verdict("eu-west-1", False)
    assert standing_of(status, frozenset({"eu-west-1"})).unsure == []


@pytest.mark.parametrize(
    "checkers", [{"us-east-1": True, "us-west-2": True}, dict.fromkeys(REGIONS, True) | {"us-west-2": False}]
)
def test_every_checker_has_to_agree(checkers: dict[str, bool]) -> None:
    status = world()
    status["regions"][0]["health"]["us-west-2"] = verdict("us-west-2", checkers=checkers)
    assert len(standing_of(status, NOBODY).unsure) == 1


def test_with_a_link_cut_nothing_is_expected_of_health_but_calm() -> None:
    before = standing_of(world(cut=True), NOBODY)
    assert before.unsure == ["links are cut"]
    status = world(cut=True)
    status["regions"][0]["health"]["eu-west-1"] = verdict("eu-west-1", False)
    after = standing_of(status, NOBODY)
    assert after.seen != before.seen


def test_calm_takes_as_long_as_the_profile_is_slow() -> None:
    assert calm_s("fast") == pytest.approx(2.0)
    assert calm_s("aws") > 3 * 30
