"""When faults begin and end."""

from dataclasses import dataclass
from typing import ClassVar, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.gameday.faults import Entry, FaultOperator, matches
from terrella.gameday.timeline import BrokenAlreadyError, Moment, NothingToRestoreError, plan_faults, steps_of
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault of any subject that breaks nothing."""

    keyword: ClassVar[str] = "broken"
    fis_action: ClassVar[str | None] = None
    subject: str
    how: int = 0

    @classmethod
    def parse(cls, entry: Entry, world: World) -> Self:
        raise NotImplementedError

    def told(self) -> str:
        return f"{self.subject} {self.how}"

    async def inject(self, operator: FaultOperator) -> None:
        raise NotImplementedError

    async def restore(self, operator: FaultOperator) -> None:
        raise NotImplementedError


def test_a_fault_ends_after_its_time_or_with_its_restoration_or_not_at_all() -> None:
    moments = [
        Moment(30.0, 4, restores="eu-west-1"),
        Moment(5.0, 1, Broken("eu-west-1")),
        Moment(6.0, 2, Broken("us-east-1"), for_s=3.0),
        Moment(7.0, 3, Broken("a <-> b")),
    ]
    planned = plan_faults(moments, matches)
    assert [(one.fault.subject, one.from_s, one.until_s) for one in planned] == [
        ("eu-west-1", 5.0, 30.0),
        ("us-east-1", 6.0, 9.0),
        ("a <-> b", 7.0, None),
    ]
    assert [(step.at_s, step.number, step.begins) for step in steps_of(planned)] == [
        (5.0, 0, True),
        (6.0, 1, True),
        (7.0, 2, True),
        (9.0, 1, False),
        (30.0, 0, False),
    ]


def test_nothing_is_restored_before_it_broke() -> None:
    with pytest.raises(NothingToRestoreError) as raised:
        plan_faults([Moment(5.0, 1, restores="eu-west-1"), Moment(6.0, 2, Broken("eu-west-1"))], matches)
    assert raised.value.moment.line == 1


@pytest.mark.parametrize(("for_s", "refused"), [(None, True), (4.0, True), (3.0, False), (1.0, False)])
def test_nothing_breaks_twice_in_the_same_way_at_a_time(for_s: float | None, refused: bool) -> None:
    moments = [Moment(8.0, 2, Broken("a")), Moment(5.0, 1, Broken("a"), for_s), Moment(5.0, 3, Broken("a", how=1))]
    if not refused:
        assert len(plan_faults(moments, matches)) == 3
        return
    with pytest.raises(BrokenAlreadyError) as raised:
        plan_faults(moments, matches)
    assert (raised.value.moment.line, raised.value.first.line) == (2, 1)


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc"), st.none() | st.integers(1, 20)), max_size=12))
def test_each_fault_begins_once_and_ends_at_most_once_after_it_began(drawn: list[tuple[int, str, int | None]]) -> None:
    moments = [Moment(at, line, Broken(subject, line), for_s) for line, (at, subject, for_s) in enumerate(drawn)]
    planned = plan_faults(moments, matches)
    steps = steps_of(planned)
    assert sum(step.begins for step in steps) == len(drawn)
    seen: set[int] = set()
    for step in steps:
        if step.begins:
            assert step.number not in seen
            seen.add(step.number)
        else:
            assert step.number in seen
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)
