"""Randomness that a seed reproduces."""

from random import Random


class SeededIds:
    """``Ids`` of a run: the same seed draws the same, in the same order."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def uuid(self) -> str:
        """In the form of a UUID."""
        digits = self.token(32)
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def token(self, length: int) -> str:
        """``length`` hexadecimal digits."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"

    def fraction(self) -> float:
        """A number from 0 up to, but not including, 1."""
        return self._random.random()
