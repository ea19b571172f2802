"""Where tables are printed: as wide as the terminal, or as wide as they like where there is none."""

import sys

from rich.console import Console

_WIDTH_OF_A_FILE = 200


def screen(width_of_a_file: int = _WIDTH_OF_A_FILE) -> Console:
    """A console on standard output. A pipe or a file has no edge at which a name would have to be cut off."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else width_of_a_file)
