"""Who belongs to a group, step by step."""

from terrella.journal import DataSet, Lane
from terrella.journal.raft import Change, ChangeKind, Configuration, changed
from terrella.journal.sync.founding import View, founding_configuration, next_change, region_of

ORDERS = DataSet("orders-0001", "orders", Lane.SYNC, ("eu-west-1", "us-east-1"), witness="us-west-2")
IDS = {"eu-west-1": "eu-west-1/1", "us-east-1": "us-east-1/1", "us-west-2": "us-west-2/1"}
FOUNDED = Configuration(("eu-west-1/1", "us-east-1/1", "us-west-2/1"), ("us-west-2/1",))


def test_a_group_is_founded_by_its_first_region_when_all_are_there() -> None:
    assert founding_configuration(ORDERS, "eu-west-1", IDS) == FOUNDED
    assert founding_configuration(ORDERS, "us-east-1", IDS) is None
    assert founding_configuration(ORDERS, "eu-west-1", {**IDS, "us-west-2": "us-west-2/1"}) is not None
    assert founding_configuration(ORDERS, "eu-west-1", {name: IDS[name] for name in ORDERS.members}) is None
    assert {region_of(member) for member in FOUNDED.voters} == set(IDS)


def steps(definition: DataSet, configuration: Configuration, ids: dict[str, str]) -> list[Change]:
    """All changes until there is nothing left to do, if everyone always catches up."""
    made: list[Change] = []
    while (change := next_change(definition, View(configuration, ids, lambda _member: 0))) is not None:
        made.append(change)
        configuration = changed(configuration, change)
        assert len(made) < 10
    return made


def test_there_is_nothing_to_do_while_all_is_as_it_should_be() -> None:
    assert steps(ORDERS, FOUNDED, IDS) == []


def test_a_region_under_a_new_id_learns_before_it_takes_the_place_of_the_old() -> None:
    assert steps(ORDERS, FOUNDED, {**IDS, "us-east-1": "us-east-1/2"}) == [
        Change(ChangeKind.ADD_LEARNER, "us-east-1/2"),
        Change(ChangeKind.REMOVE, "us-east-1/1"),
        Change(ChangeKind.PROMOTE, "us-east-1/2"),
    ]
    assert steps(ORDERS, FOUNDED, {**IDS, "us-west-2": "us-west-2/2"})[0].kind is ChangeKind.ADD_WITNESS


def test_a_region_that_loses_its_disk_twice_leaves_nothing_behind() -> None:
    halfway = changed(FOUNDED, Change(ChangeKind.ADD_LEARNER, "us-east-1/2"))
    assert steps(ORDERS, halfway, {**IDS, "us-east-1": "us-east-1/3"}) == [
        Change(ChangeKind.REMOVE, "us-east-1/2"),
        Change(ChangeKind.ADD_LEARNER, "us-east-1/3"),
        Change(ChangeKind.REMOVE, "us-east-1/1"),
        Change(ChangeKind.PROMOTE, "us-east-1/3"),
    ]


def test_who_is_joining_learns_and_who_has_left_is_removed() -> None:
    wider = DataSet("orders-0001", "orders", Lane.SYNC, ORDERS.members, ("ap-south-1",), witness="us-west-2")
    ids = {**IDS, "ap-south-1": "ap-south-1/1"}
    assert steps(wider, FOUNDED, ids) == [Change(ChangeKind.ADD_LEARNER, "ap-south-1/1")]
    narrower = DataSet("orders-0001", "orders", Lane.SYNC, ("eu-west-1",), witness="us-west-2")
    assert steps(narrower, FOUNDED, IDS) == [Change(ChangeKind.REMOVE, "us-east-1/1")]


def test_who_is_silent_or_behind_is_left_as_it_is() -> None:
    halfway = changed(FOUNDED, Change(ChangeKind.ADD_LEARNER, "us-east-1/2"))
    ids = {**IDS, "us-east-1": "us-east-1/2"}
    assert next_change(ORDERS, View(halfway, ids, lambda _member: 10_000)) is None
    assert next_change(ORDERS, View(halfway, ids, lambda _member: None)) is None
    assert next_change(ORDERS, View(FOUNDED, {"eu-west-1": "eu-west-1/1"}, lambda _member: 0)) is None
