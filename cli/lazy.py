"""A click group that imports operators' commands only when they are used.

They need boto3 and more, which takes longer to import than most other commands take to run.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group in which some commands are given by `module:name` only."""

    def __init__(self, *args: Any, later: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, including those not imported yet."""
        return sorted({*super().list_commands(ctx), *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now if necessary."""
        address = self._later.get(cmd_name)
        if address is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = address.partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command
