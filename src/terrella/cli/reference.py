"""``docs/cli.md`` from the commands' own help: ``python -m terrella.cli.reference > docs/cli.md``."""

import click

from terrella.cli.commands import COMMANDS, terrella

_WIDTH = 100
_OPENING = """\
# The command line

Every command finds the running world by `./world.yaml`, or by `--world PATH`. What went wrong is one line on standard
error, and the exit code is 1; a command that was not understood exits with 2. Colours and tables are for terminals:
`--json` is stable and for programs.

This page is made from the commands' own help (`python -m terrella.cli.reference`); a test keeps it true.
"""


def reference() -> str:
    """The whole page."""
    parts = [_OPENING, _page(terrella, ["terrella"])]
    context = click.Context(terrella, info_name="terrella")
    for name in COMMANDS:
        command = terrella.get_command(context, name)
        assert command is not None
        parts.append(_page(command, ["terrella", name]))
    return "\n".join(parts)


def _page(command: click.Command, names: list[str]) -> str:
    context: click.Context | None = None
    for name in names:
        context = click.Context(
            command, info_name=name, parent=context, max_content_width=_WIDTH, terminal_width=_WIDTH
        )
    assert context is not None
    return f"## `{' '.join(names)}`\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
