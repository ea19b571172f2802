"""The lock on a store's file: one process at a time, until it closes it or ends, however it ends."""

import fcntl
import os
from pathlib import Path

from terrella.journal.errors import StoreInUseError


class FileLock:
    """Taken on creation, beside the file that it is for; raises ``StoreInUseError`` if somebody else has it."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise StoreInUseError(f"{path} is in use by another process") from None

    def close(self) -> None:
        """Let it go; may be called twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        # A simulated process dies without closing anything: what it leaves behind goes as a real one's would.
        self.close()
