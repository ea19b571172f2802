"""Who gets a worker, and when: pools with workers that are told when to be ready and done."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from terrella.services.functions import pool
from terrella.services.functions.invocation import Invocation, InvocationResult
from terrella.services.functions.limits import Limits
from terrella.services.functions.sandbox import State
from terrella.services.functions.scheduling import ColdStarts


class Worker:
    """As ``Sandbox`` is seen by its pool."""

    def __init__(self, setting: Any, az: str, on_free: Any, on_dead: Any, on_finished: Any) -> None:
        self.az, self.state, self.doomed = az, State.STARTING, False
        self.settled_at = self.idle_since = 0.0
        self.ran: list[str] = []
        self._on_free, self._on_finished = on_free, on_finished
        self._now: Invocation | None = None
        setting.workers.append(self)

    @property
    def free(self) -> bool:
        return self.state is State.IDLE

    async def start(self) -> None:
        """It is ready when the test says so."""

    def assign(self, invocation: Invocation) -> None:
        self.state, self._now = State.BUSY, invocation
        self.ran.append(invocation.request_id)

    def ready(self) -> None:
        if self._now is not None and not self._now.future.done():
            self._now.future.set_result(InvocationResult(200, b"{}", None, self._now.request_id, None, self.az))
        self.state, self._now = State.IDLE, None
        self._on_free(self)


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pool, "Sandbox", Worker)
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    setting = SimpleNamespace(clock=clock, workers=[], surroundings=SimpleNamespace(region="eu-west-1"), frozen=())
    limits = Limits(workers_per_az_max=1, wait_patience_s=3600.0)
    counters = pool.Counters({})
    starts = ColdStarts(1)
    return pool.Pools(setting, ["eu-west-1a"], set(), None, limits, counters, starts, lambda _: None)  # type: ignore[arg-type]


def asked(name: str) -> Invocation:
    return Invocation(name, b"{}", "arn", "trace", asyncio.get_running_loop().create_future())


async def test_a_caller_who_has_gone_is_not_waited_on(pools: Any) -> None:
    first, gone, last = asked("first"), asked("gone"), asked("last")
    pools.submit(first)
    (worker,) = pools.setting.workers
    worker.ready()
    assert worker.ran == ["first"]
    for each in (gone, last):
        pools.submit(each)
    assert pools.waiting == 2
    gone.future.cancel()
    worker.ready()
    assert first.future.done()
    assert worker.ran == ["first", "last"], "those behind it do not wait for what nobody wants any more"
    worker.ready()
    assert last.future.done()


async def test_a_queue_of_nothing_but_those_does_not_hold_up_who_comes(pools: Any) -> None:
    first, gone, last = asked("first"), asked("gone"), asked("last")
    pools.submit(first)
    (worker,) = pools.setting.workers
    worker.ready()
    pools.submit(gone)
    gone.future.cancel()
    worker.ready()
    pools.submit(last)
    assert worker.ran == ["first", "last"]
    assert pools.waiting == 0
    worker.ready()


async def test_two_functions_do_not_add_workers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "Sandbox", Worker)
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    setting = SimpleNamespace(clock=clock, workers=[], surroundings=SimpleNamespace(region="eu-west-1"), frozen=())
    limits = Limits(wait_patience_s=0.0, start_patience_s=0.0)
    starts = ColdStarts(1)
    one, other = (
        pool.Pools(setting, ["eu-west-1a"], set(), None, limits, pool.Counters({}), starts, lambda _: None)  # type: ignore[arg-type]
        for _ in range(2)
    )
    for each in (one, other):
        each.submit(asked("first"))
    assert starts.under_way == 2, "the first worker of a function is not held up"
    for worker in list(setting.workers):
        worker.ready()
    assert not starts.crowded
    for each in (one, other):
        each.submit(asked("second"))
    assert (one.live, other.live) == (2, 1)
    setting.workers[-1].ready()
    other.look_again()
    assert (one.live, other.live) == (2, 2)
    assert starts.crowded
