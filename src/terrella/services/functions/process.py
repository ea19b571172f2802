"""A worker's process seen from the region: started, listened to, killed, and reaped at once when it ends.

By ``subprocess`` and a pidfd rather than asyncio's subprocesses: what a worker has written can then be read out at the
very moment when its answer comes, so that every line lands before its invocation's END.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_READ_BYTES = 65536
_READS_PER_TURN = 16


class WorkerProcess:
    """Leader of a process group of its own, so that what a handler starts ends with it."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        on_output: Callable[[bytes], None],
        on_exit: Callable[[int], None],
    ) -> None:
        """Starts it; raises ``OSError``. ``on_exit`` comes last, with the exit status, negative for a signal."""
        self._on_output = on_output
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._output, writing_end = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the command is a runtime's own
                command,
                stdin=subprocess.DEVNULL,
                stdout=writing_end,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=directory,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(writing_end)
        os.set_blocking(self._output, False)
        self._pidfd = os.pidfd_open(self._process.pid)
        self._loop.add_reader(self._output, self.drain)
        self._loop.add_reader(self._pidfd, self._ended)
        self.alive = True

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def drain(self) -> None:
        """Hand on what it has written so far."""
        for _ in range(_READS_PER_TURN):
            try:
                data = os.read(self._output, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._output)
                return
            self._on_output(data)
            if len(data) < _READ_BYTES:
                return

    def kill(self) -> None:
        """SIGKILL to the whole group; ``on_exit`` follows."""
        self._signal(signal.SIGKILL)

    def peak_memory_mb(self) -> int:
        """The most memory that it has held so far; 0 if that cannot be told any more."""
        try:
            text = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        _, found, rest = text.partition("VmHWM:")
        return (int(rest.split(maxsplit=1)[0]) + 1023) // 1024 if found else 0

    def freeze(self) -> None:
        """Stop the whole group where it is."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.alive:
            # ProcessLookupError: it has ended, but is not reaped yet.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _ended(self) -> None:
        # Children first, while the unreaped process still holds the group's number.
        self.kill()
        self.alive = False
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        returncode = self._process.wait()
        self.drain()
        self._loop.remove_reader(self._output)
        os.close(self._output)
        self._on_exit(returncode)
