"""Options of the commands that read training data, and the data request that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from cli.failures import UsageError

C = TypeVar("C", bound=Callable[..., Any])


def column_option(command: C) -> C:
    """Add `--column`, the file's name of a field."""
    return click.option(
        "--column",
        "columns",
        metavar="FIELD=COLUMN",
        multiple=True,
        help="The column that has a field, such as text=body or label=category; repeated.",
    )(command)


def accept_option(command: C) -> C:
    """Add `--accept`, the name of a problem that does not stop a training."""
    return click.option(
        "--accept",
        "accepted_problems",
        metavar="PROBLEM",
        multiple=True,
        help="The name of an error that is known: rows that have it are left out, or taken as "
        "they are, and the card says so; repeated.",
    )(command)


def terms_option(command: C) -> C:
    """Add `--accept-terms`, the name of a teacher's terms."""
    return click.option(
        "--accept-terms",
        "accepted_terms",
        metavar="NAME",
        multiple=True,
        help="Agree to the terms of a provider whose model answered the rows, such as amazon-nova; "
        "repeated.",
    )(command)


def eval_option(command: C) -> C:
    """Add `--eval`, held-out rows of the user's own."""
    return click.option(
        "--eval",
        "evaluation",
        metavar="PATH",
        help="Held-out rows, which are never trained on. Default: a tenth of the rows, by groups.",
    )(command)


def parse_columns(given: Sequence[str]) -> Mapping[str, str]:
    """Return columns by field. Raises UsageError."""
    columns = {}
    for each in given:
        field, separator, column = each.partition("=")
        if not (separator and field and column):
            raise UsageError(f"--column is FIELD=COLUMN, such as text=body; {each!r} is none.")
        columns[field] = column
    return columns


def require_acceptable(given: Sequence[str]) -> frozenset[str]:
    """Return the names of problems that are accepted. Raises UsageError for one that cannot be."""
    from models.training_data.problems import ACCEPTABLE

    if unknown := sorted(set(given) - set(ACCEPTABLE)):
        raise UsageError(
            f"--accept {unknown[0]}: is no problem that can be accepted; those are "
            f"{', '.join(ACCEPTABLE)}."
        )
    return frozenset(given)
