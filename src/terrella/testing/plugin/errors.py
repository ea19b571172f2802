"""What goes wrong with a world under test.

::

    TerrellaError
    └── WorldError      a world that does not start, an unknown region, a wait that was in vain
"""

from terrella.kernel import TerrellaError


class WorldError(TerrellaError):
    """A sentence for whoever wrote the test."""
