"""What a failed ``assert world.converged()`` tells."""

from decimal import Decimal

import pytest

from terrella.testing.plugin.convergence import Convergence, TableDifference, compare_items, parts_of

HERE, THERE = "us-east-1", "eu-west-1"


def test_equal_replicas_differ_nowhere() -> None:
    items = [{"id": "a", "n": Decimal(1)}, {"id": "b", "n": Decimal(2)}]
    assert compare_items(["id"], {HERE: items, THERE: items[::-1]}) == []


def test_a_key_that_one_region_lacks_and_one_that_it_has_otherwise() -> None:
    first, second = compare_items(
        ["id"], {HERE: [{"id": "a", "n": 1}, {"id": "b", "n": 2}], THERE: [{"id": "b", "n": 3}]}
    )
    assert (first.key, first.items) == ({"id": "a"}, {HERE: {"id": "a", "n": 1}, THERE: None})
    assert str(second) == "{id='b'}: us-east-1 has {id='b', n=2}, eu-west-1 has {id='b', n=3}"


def test_keys_of_two_attributes_are_told_whole() -> None:
    (found,) = compare_items(["customer", "number"], {HERE: [{"customer": "c", "number": 7}], THERE: []})
    assert found.key == {"customer": "c", "number": 7}


def test_what_differs_is_told_in_short_and_at_length() -> None:
    differences = compare_items(["id"], {HERE: [{"id": str(n)} for n in range(30)], THERE: []})
    found = Convergence(["items"], [TableDifference("items", differences)], reasons=["the link a -> b is cut"])
    assert not found
    assert repr(found).startswith(
        "<not converged: table items, {id='0'}: us-east-1 has {id='0'}, eu-west-1 has nothing"
    )
    assert "and 28 more keys; the link a -> b is cut>" in repr(found)
    told = found.explain().splitlines()
    assert told[0] == "table items: 30 keys differ"
    assert told[1:4] == ["  {'id': '0'}", "    us-east-1: {'id': '0'}", "    eu-west-1: nothing"]
    assert told[-2:] == ["  and 10 more", "the link a -> b is cut"]


def test_equal_items_with_other_histories_have_not_converged() -> None:
    found = Convergence(["items"], [TableDifference("items", [])])
    assert not found
    assert "times or conflict logs differ" in repr(found)
    assert "conflict logs" in found.explain()


def test_a_region_that_cannot_be_asked_has_not_converged() -> None:
    found = Convergence(["items"], absent={THERE: "held-down"})
    assert not found
    assert repr(found) == "<not converged: eu-west-1 is held-down>"


def test_no_difference_is_true() -> None:
    assert Convergence(["items"])
    assert repr(Convergence(["items"])) == "<converged: items>"


@pytest.mark.parametrize(
    ("cut", "parts"),
    [
        (set(), [{"a", "b", "c"}]),
        ({("a", "b")}, [{"a", "b", "c"}]),  # over c
        ({("a", "b"), ("c", "a")}, [{"a"}, {"b", "c"}]),
        ({("a", "b"), ("a", "c"), ("b", "c")}, [{"a"}, {"b"}, {"c"}]),
    ],
)
def test_regions_that_reach_each_other(cut: set[tuple[str, str]], parts: list[set[str]]) -> None:
    assert [set(part) for part in parts_of(["a", "b", "c"], cut)] == parts
