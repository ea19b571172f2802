"""Identifiers and randomness are passed in, so that a seed reproduces everything."""

import random
import uuid
from typing import Protocol


class Ids(Protocol):
    """What draws fresh identifiers."""

    def uuid(self) -> str:
        """A request id in the form that AWS uses: ``8-4-4-4-12`` hexadecimal digits."""
        ...

    def token(self, length: int) -> str:
        """``length`` random hexadecimal digits."""
        ...

    def fraction(self) -> float:
        """A number from 0 up to, but not including, 1: for jitter and sampling."""
        ...


class SystemIds:
    """The machine's own randomness."""

    def uuid(self) -> str:
        """A random (version 4) UUID."""
        return str(uuid.uuid4())

    def token(self, length: int) -> str:
        """``length`` random hexadecimal digits."""
        return uuid.uuid4().hex[:length] if length <= 32 else random.randbytes((length + 1) // 2).hex()[:length]

    def fraction(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return random.random()
