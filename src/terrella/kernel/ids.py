"""Identifiers and randomness are passed in, so that a seed reproduces everything."""

import os
import random
from typing import Protocol

_VARIANTS = "89ab"


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
        # By hand, for several are drawn for each request, and uuid.uuid4 takes four times as long.
        digits = os.urandom(16).hex()
        variant = _VARIANTS[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def token(self, length: int) -> str:
        """``length`` random hexadecimal digits."""
        return os.urandom((length + 1) // 2).hex()[:length]

    def fraction(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return random.random()
