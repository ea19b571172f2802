"""Results that cost more to make than to read, as JSON files in one directory."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

_Cached = TypeVar("_Cached")


@dataclass(frozen=True, slots=True)
class Cache:
    """Files by name; whoever writes one puts all that it depends on into its name."""

    directory: Path

    def read(self, name: str, kind: type[_Cached]) -> _Cached | None:
        """What was written under a name; None if there is nothing whole."""
        try:
            return msgspec.json.decode((self.directory / f"{name}.json").read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError):
            return None  # not there, or cut off by a crash: it is made again

    def write(self, name: str, value: object) -> None:
        """Written beside and renamed, so that other processes see all of it or nothing."""
        self.directory.mkdir(parents=True, exist_ok=True)
        beside = self.directory / f".{name}.{os.getpid()}"
        beside.write_bytes(msgspec.json.encode(value))
        beside.replace(self.directory / f"{name}.json")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time: regions that start together make a thing once, and the others read it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def names(self, prefix: str) -> Iterator[str]:
        """The names that begin so, sorted."""
        return (path.stem for path in sorted(self.directory.glob(f"{prefix}*.json")))
