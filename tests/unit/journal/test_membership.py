"""Who holds a data set: what was decided later stands, whatever a template says."""

from dataclasses import replace
from pathlib import Path

from terrella.journal import DataSet, Journal, Lane
from terrella.testing import ManualClock, SeededIds

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))


async def open_journal(path: Path) -> Journal:
    return await Journal.open(path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(1))


def definition(journal: Journal) -> DataSet:
    return journal.store.catalog.declared(ITEMS.id).definition


async def test_a_decided_membership_outlives_the_template_and_the_process(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await journal.declare(ITEMS)
    await journal.set_members(ITEMS.id, 2, ["us-east-1", "eu-west-1"], ["us-west-2"])
    await journal.close()
    journal = await open_journal(tmp_path)
    await journal.declare(replace(ITEMS, name="renamed"))
    assert definition(journal) == replace(ITEMS, name="renamed", joining=("us-west-2",), epoch=2)
    assert definition(journal).holders == ("eu-west-1", "us-east-1", "us-west-2")
    await journal.close()


async def test_an_earlier_decision_changes_nothing(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await journal.declare(ITEMS)
    await journal.set_members(ITEMS.id, 3, ["us-east-1"])
    await journal.set_members(ITEMS.id, 2, ["us-east-1", "eu-west-1"])
    assert definition(journal).members == ("us-east-1",)
    await journal.close()
