"""Reference of the command line, made from its own help: `python -m cli.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import headrace

FILE = Path(__file__).parent.parent / "docs" / "cli.md"
_WIDTH = 90
_OPENING = """# The command line

Generated from the commands' own help by `python -m cli.reference`; a test holds it to that.

"""


def reference() -> str:
    """Return the reference as Markdown."""
    return _OPENING + "\n".join(_sections(headrace, None, "headrace"))


def _sections(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=_WIDTH,
        color=False,
        **command.context_settings,
    )
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in sorted(command.list_commands(context)):
            subcommand = command.get_command(context, child)
            assert subcommand is not None
            yield from _sections(subcommand, context, child)


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
