"""The options of the quality gate, which several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from chalicelib.contracts.quality_limits import DEFAULT_LIMITS

Command = TypeVar("Command", bound=Callable[..., Any])
_SHARE = click.FloatRange(0, 1)
_OPTIONS = (
    click.option(
        "--min-pairs",
        type=click.IntRange(1),
        default=DEFAULT_LIMITS.min_pairs,
        show_default=True,
        help="Pairs, at the least.",
    ),
    click.option(
        "--max-contradictory",
        type=_SHARE,
        default=DEFAULT_LIMITS.max_contradictory,
        show_default=True,
        help="Share of comparisons whose sources contradict each other.",
    ),
    click.option(
        "--min-alpha",
        type=_SHARE,
        default=DEFAULT_LIMITS.min_alpha,
        show_default=True,
        help="Krippendorff's alpha of each task; 0 asks for none.",
    ),
    click.option(
        "--min-gold",
        "min_gold_accuracy",
        type=_SHARE,
        default=DEFAULT_LIMITS.min_gold_accuracy,
        show_default=True,
        help="Share of right gold labels of each task, by the lower end of its interval; 0: none.",
    ),
)


def quality_options(command: Command) -> Command:
    """Give a command the limits of the quality gate, by the names of `QualityLimits`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
