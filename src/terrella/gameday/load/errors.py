"""``LoadError``: what is wrong with a description of load. It names what was found and what was expected."""

from terrella.kernel import TerrellaError


class LoadError(TerrellaError):
    """``found`` and ``expected`` are for whoever knows the file and the line; ``key`` is the key it is about, or ""."""

    def __init__(self, found: str, expected: str, key: str = "") -> None:
        super().__init__(f"found {found}, expected {expected}")
        self.found = found
        self.expected = expected
        self.key = key
