"""The command line, one file per command."""


def main() -> None:
    """Run the ``terrella`` command."""
    raise SystemExit("no command is built yet")
