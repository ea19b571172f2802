"""An event loop in virtual time: one process's tasks, which all end at once when the process is killed."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, cast

import apsw

from terrella.journal import JournalError
from terrella.testing.simulation.schedule import Planned, Schedule

_LAST_WORDS_MAX = 100_000
_THREAD_S = 0.0005
# What a task may end with; anything else is a mistake in the code that it ran.
_EXPECTED = (JournalError, OSError, TimeoutError, apsw.Error)


def enter(loop: Any) -> None:
    """It is this loop's turn: the one that ``asyncio`` finds running."""
    asyncio._set_running_loop(loop)  # noqa: SLF001 - asyncio's documented hook for those who make loops


class VirtualLoop:
    """What our tasks need of ``asyncio``'s loops, on a schedule. ``effects`` does what threads do in production.

    ``mistakes`` collects exceptions that no task may end with.
    """

    def __init__(
        self, schedule: Schedule, effects: Callable[[Callable[[], Any], "asyncio.Future[Any]"], None], name: str
    ) -> None:
        self.alive = True
        self.name = name
        self.mistakes: list[str] = []
        self.listening: dict[int, Callable[[], Any]] = {}
        self._schedule = schedule
        self._effects = effects
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._last: deque[Planned] = deque()

    # what asyncio asks for

    def time(self) -> float:
        """Virtual seconds."""
        return self._schedule.now

    def get_debug(self) -> bool:
        """Never."""
        return False

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        """Plan for this moment."""
        if not self.alive:
            planned = Planned(0.0, callback, args, None)
            self._last.append(planned)
            return planned
        return self._schedule.soon(callback, *args, owner=self)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        """Plan for later."""
        return self._schedule.after(delay, callback, *args, owner=self)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        """Plan for a moment."""
        return self._schedule.at(when, callback, *args, owner=self)

    def create_future(self) -> "asyncio.Future[Any]":
        """A future of this loop."""
        return asyncio.Future(loop=cast("asyncio.AbstractEventLoop", self))

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        """A task that ends with this loop."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=cast("asyncio.AbstractEventLoop", self), name=name)
        self._tasks[task] = None
        task.add_done_callback(self._done)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Disk work: it takes effect at one moment and is told of at a later one.

        Whoever has no executor of his own (``asyncio.to_thread``) does something else than commit, and is not broken.
        """
        future = self.create_future()
        if executor is None:
            self._schedule.after(_THREAD_S, self._in_thread, future, func, args, owner=self)
        else:
            self._effects(lambda: func(*args), future)
        return future

    @staticmethod
    def _in_thread(future: "asyncio.Future[Any]", func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the outcome of the work
            future.set_exception(error)

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        """Listen: connections come from the simulated network."""
        self.listening[port] = protocol_factory
        return _Server(self, port)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Said of tasks that nobody waited for; ``mistakes`` has what matters of it."""

    def failed(self, action: Any, error: Exception) -> None:
        """A callback raised: production's loop would log that and go on."""
        self.mistakes.append(f"{self.name}: {type(error).__name__} in {action}: {error}")

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)
        if self.alive and not task.cancelled():
            error = task.exception()
            if error is not None and not isinstance(error, _EXPECTED):
                self.mistakes.append(f"{self.name}: {type(error).__name__} in {task.get_coro()}: {error}")

    # the end

    def kill(self) -> None:
        """Nothing of this loop happens any more."""
        self.alive = False
        self.listening.clear()

    def bury(self) -> None:
        """Let the tasks unwind, after all that they hold has been taken from them."""
        enter(self)
        for task in list(self._tasks):
            task.cancel()
        for _ in range(_LAST_WORDS_MAX):
            if not self._last:
                break
            planned = self._last.popleft()
            if not planned.cancelled_:
                planned.action(*planned.arguments)
        enter(None)


class _Server:
    """What ``asyncio.start_server`` answers."""

    def __init__(self, loop: VirtualLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        """Where it listens."""
        return ("simulated", self._port)

    def close(self) -> None:
        """Listen no more."""
        self._loop.listening.pop(self._port, None)

    async def wait_closed(self) -> None:
        """At once."""
