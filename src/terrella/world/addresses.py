"""Loopback addresses of one's own: each running world has a base, ``127.N``, that no other world on the machine has.

A base is claimed by a lock on a file in the temporary directory, so that game days and test runs side by side
(pytest-xdist, other checkouts) cannot choose the same one between looking and listening; whoever claims nothing (a
world that somebody has started, another user) is seen by binding. The kernel lets go of a lock when its holder dies.
"""

import fcntl
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from terrella.kernel import TerrellaError

FIRST, LAST = 16, 250
"""127.0 is a developer's own world; what other suites of terrella's own use is seen by binding."""


@dataclass(frozen=True, slots=True)
class Base:
    """``127.N``, ours until ``release``."""

    text: str
    descriptor: int

    def release(self) -> None:
        """Let others have it."""
        os.close(self.descriptor)


def claim_base(
    ports: tuple[int, ...], *, numbers: range = range(FIRST, LAST + 1), directory: Path | None = None
) -> Base:
    """The first base among ``numbers`` that nobody has claimed and where nobody listens on ``ports``.

    Raises ``TerrellaError`` if there is none.
    """
    locks = directory or Path(tempfile.gettempdir()) / f"terrella-bases-{os.getuid()}"
    locks.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        base = _claimed(locks, f"127.{number}")
        if base is None:
            continue
        if all(_free(f"{base.text}.{region}.1", port) for region in range(3) for port in ports):
            return base
        base.release()
    raise TerrellaError(
        f"found all of 127.{numbers[0]} to 127.{numbers[-1]} in use, expected one of them free for a world of its own"
    )


def _claimed(locks: Path, text: str) -> Base | None:
    descriptor = os.open(locks / f"{text}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Base(text, descriptor)


def _free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True
