"""``python -m terrella`` is the ``terrella`` command."""

from terrella.cli import main

if __name__ == "__main__":
    main()
