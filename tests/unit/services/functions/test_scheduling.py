"""When a worker is started, and where."""

from terrella.services.functions.scheduling import AzLoad, ColdStarts, Growth, emptiest, growth


def az(up: bool = True, idle: int = 0, busy: int = 0, starting: int = 0, settling: int = 0) -> AzLoad:
    return AzLoad(up, idle + busy + starting + settling, idle, busy, starting, settling)


def wish(
    loads: list[AzLoad],
    waiting: int = 1,
    limit: int = 20,
    patient: bool = False,
    brief: bool = False,
    crowded: bool = False,
) -> Growth:
    return growth(loads, waiting, limit, 10, patient=patient, brief=brief, crowded=crowded)


def test_a_cold_function_starts_one_worker_and_lets_others_wait_for_it() -> None:
    assert wish([az(), az()], brief=True) is Growth.START
    assert wish([az(starting=1), az()], patient=True) is Growth.NOTHING
    assert wish([az(starting=1), az()], waiting=5, patient=True, brief=True) is Growth.LATER
    assert wish([az(starting=1), az()], waiting=5) is Growth.START


def test_a_busy_worker_is_waited_for_briefly() -> None:
    assert wish([az(busy=1), az()], brief=True) is Growth.LATER
    assert wish([az(busy=1), az()]) is Growth.START
    assert wish([az(settling=1), az()]) is Growth.NOTHING


def test_while_another_function_starts_a_worker_only_one_that_has_none_gets_one() -> None:
    assert wish([az(), az()], crowded=True) is Growth.START
    assert wish([az(busy=1), az()], crowded=True) is Growth.LATER
    assert wish([az(starting=1), az()], waiting=2, crowded=True) is Growth.LATER


def test_the_longer_a_cold_start_takes_the_longer_a_busy_worker_is_waited_for() -> None:
    starts = ColdStarts(1)
    assert (starts.crowded, starts.patience_s(0.05)) == (False, 0.05)
    starts.begin()
    assert starts.crowded
    starts.end(2.0)
    assert (starts.crowded, starts.patience_s(0.05)) == (False, 0.5)
    starts.begin()
    starts.end(None)
    assert starts.patience_s(0.05) == 0.5, "one that came to nothing tells nothing"
    starts.begin()
    starts.end(60.0)
    assert starts.patience_s(0.05) == 1.0, "at most"


def test_limits() -> None:
    assert wish([az(busy=2), az(busy=1)], limit=3) is Growth.FULL
    assert wish([az(busy=10), az(up=False)]) is Growth.FULL


def test_the_emptiest_az_that_is_up_gets_the_next_worker() -> None:
    assert emptiest([az(busy=2), az(busy=1)], 10) == 1
    assert emptiest([az(busy=2), az(up=False)], 10) == 0
    assert emptiest([az(busy=2), az(up=False)], 2) is None
