"""One supervisor for each world: a lock that the kernel lets go of when its holder dies, so that none is ever stale."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from terrella.kernel import TerrellaError

_NAME = "world.pid"


@dataclass(frozen=True, slots=True)
class Holder:
    """The supervisor that holds a world: its control API's address, and whether the world has come up.

    ``signed`` says that its control API takes only requests that are signed with one of the world's access keys.
    """

    pid: int
    address: str = ""
    port: int = 0
    ready: bool = False
    signed: bool = False


class WorldLock:
    """Held while open. The file stands only as long as the lock is held."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    @classmethod
    def acquire(cls, state_directory: Path, world: str = "here") -> "WorldLock":
        """Take the lock; raises ``TerrellaError`` naming the process that holds it."""
        state_directory.mkdir(parents=True, exist_ok=True)
        path = state_directory / _NAME
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(descriptor)
                found = holder(state_directory)
                who = f"process {found.pid}" if found is not None else "another process"
                raise TerrellaError(f"the world {world} is running already ({who}); terrella down stops it") from error
            if _same_file(descriptor, path):
                lock = cls(descriptor, path)
                lock.write(Holder(os.getpid()))
                return lock
            os.close(descriptor)  # its last holder has removed the file meanwhile

    def write(self, content: Holder) -> None:
        """Say who holds it."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, msgspec.json.encode(content), 0)

    def release(self) -> None:
        """Remove the file, then let go."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def holder(state_directory: Path) -> Holder | None:
    """Who holds the world's lock now; None if nobody does."""
    path = state_directory / _NAME
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Holder)
        except msgspec.DecodeError:
            return Holder(0)
    finally:
        os.close(descriptor)
    return None


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (found.st_dev, found.st_ino)
