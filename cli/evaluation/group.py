"""The group `evaluate`: a suite, unless a command of the group is named first."""

from __future__ import annotations

import click

from cli.lazy import LazyGroup

_DEFAULT = "suite"


class SuiteGroup(LazyGroup):
    """A group whose arguments are those of `suite` where they do not begin with a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `suite` before arguments that name no command and ask for no help."""
        asks_for_help = bool(args) and args[0] in ctx.help_option_names
        if args and not asks_for_help and args[0] not in self.list_commands(ctx):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=SuiteGroup,
    later={
        "bias": "cli.evaluation.bias:evaluate_bias",
        "code": "cli.evaluation.code:evaluate_code",
        "tuned": "cli.evaluation.tuning.command:evaluate_tuned",
        _DEFAULT: "cli.evaluation.commands:evaluate",
    },
)
def evaluate() -> None:
    """Run a suite, judge a model's code, compare predictions, or ask whether tuning was worth it.

    `headrace evaluate SUITE` is `headrace evaluate suite SUITE`.
    """
