"""What a test may change in a world that the next one gets, and what makes a new world necessary."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from terrella.testing.plugin.reset import Baseline, used_tables, workers_of

Change = Callable[[dict[str, Any]], None]


def region(name: str, pid: int) -> dict[str, Any]:
    sets = ("membership", "monitoring", "functions", "transaction tokens", "items", "clicks", "sessions")
    lanes = {"items": "async", "clicks": "batch", "sessions": "local"}
    return {
        "region": name,
        "pid": pid,
        "world_regions": {"us-east-1": "active", "eu-west-1": "active"},
        "former_regions": {},
        "journal": {"data_sets": [{"name": each, "conflicts": 0, "vector": {f"{name}/1": 1}} for each in sets]},
        "tables": [{"name": each, "lane": lane, "items": 0} for each, lane in lanes.items()],
        "functions": [{"azs": [{"az": f"{name}a", "workers": 0}, {"az": f"{name}b", "workers": 0}]}],
    }


def fresh() -> dict[str, Any]:
    return {"regions": [region("us-east-1", 10), region("eu-west-1", 20)]}


def wrote(data_set: str) -> Change:
    def change(one: dict[str, Any]) -> None:
        next(each for each in one["journal"]["data_sets"] if each["name"] == data_set)["vector"]["us-east-1/1"] = 9

    return change


def joined(one: dict[str, Any]) -> None:
    one["world_regions"]["us-west-2"] = "active"


def conflicted(one: dict[str, Any]) -> None:
    one["journal"]["data_sets"][4]["conflicts"] = 1


@pytest.mark.parametrize("data_set", ["items", "sessions", "membership", "monitoring"])
def test_items_elections_and_figures_may_change(data_set: str) -> None:
    baseline, after = Baseline.of(fresh()), fresh()
    wrote(data_set)(after["regions"][0])
    assert baseline.damage(after["regions"][0]) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (wrote("functions"), "has changed its functions"),
        (wrote("transaction tokens"), "has changed its transaction tokens"),
        (wrote("clicks"), "on a schedule"),
        (conflicted, "has conflicts in its log"),
        (joined, "join or leave"),
        (lambda one: one.update(pid=99), "has had another process"),
    ],
)
def test_anything_else_makes_a_new_world_necessary(change: Change, told: str) -> None:
    baseline, after = Baseline.of(fresh()), fresh()
    change(after["regions"][0])
    assert told in str(baseline.damage(after["regions"][0]))


def test_a_new_life_is_taken_over_without_forgetting_what_was_written_to_tables() -> None:
    baseline, after = Baseline.of(fresh()), fresh()
    alive = after["regions"][0]
    alive["pid"] = 11
    wrote("functions")(alive)
    wrote("items")(alive)
    baseline.take_over(copy.deepcopy(alive), "us-east-1")
    assert baseline.damage(alive) is None
    assert used_tables(after, baseline) == {"items": ["us-east-1"]}


def test_a_replicated_table_is_emptied_in_one_region_and_a_local_one_in_each() -> None:
    baseline, after = Baseline.of(fresh()), fresh()
    for one in after["regions"]:
        wrote("items")(one)
        wrote("sessions")(one)
    assert used_tables(after, baseline) == {"items": ["us-east-1"], "sessions": ["us-east-1", "eu-west-1"]}
    assert used_tables(fresh(), baseline) == {}


def test_only_pools_with_workers_are_renewed() -> None:
    status = fresh()
    assert list(workers_of(status)) == []
    status["regions"][1]["functions"][0]["azs"][0]["workers"] = 2
    assert list(workers_of(status)) == [("eu-west-1", "eu-west-1a")]
