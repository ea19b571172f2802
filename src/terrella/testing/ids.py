"""Identifiers that a seed reproduces."""

import random


class SeededIds:
    """The same seed gives the same ids, in the same order."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> str:
        """An id in the form of a UUID."""
        digits = self.token(32)
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def token(self, length: int) -> str:
        """``length`` hexadecimal digits."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def fraction(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return self._random.random()
