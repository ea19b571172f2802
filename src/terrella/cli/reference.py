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
    root = _context(terrella, "terrella", None)
    parts = [_OPENING, _page("terrella", root)]
    for name in COMMANDS:
        command = terrella.get_command(root, name)
        assert command is not None
        context = _context(command, name, root)
        parts.append(_page(f"terrella {name}", context))
        if isinstance(command, click.Group):
            parts += [_page(f"terrella {name} {each}", _context(one, each, context)) for each, one in _below(command)]
    return "\n".join(parts)


def _below(command: click.Group) -> list[tuple[str, click.Command]]:
    return [(name, one) for name, one in command.commands.items() if not one.hidden]


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = {**command.context_settings, "max_content_width": _WIDTH, "terminal_width": _WIDTH}
    return click.Context(command, parent, name, **settings)


def _page(title: str, context: click.Context) -> str:
    return f"## `{title}`\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
