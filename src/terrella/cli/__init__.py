"""The command line, one file per command. A command's file, and what it needs, is imported only when it is called."""

from terrella.cli.commands import terrella


def main() -> None:
    """Run the ``terrella`` command."""
    terrella(prog_name="terrella")


__all__ = ["main", "terrella"]
