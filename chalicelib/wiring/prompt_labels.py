"""The composition root of a stage's prompts, for those that move labels and look versions up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.contracts.prompts import PromptContent
    from chalicelib.prompts.library import PromptLibrary

_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25


def _saves_nothing(content: PromptContent) -> None:
    raise AssertionError("Versions are saved by the API alone, which checks their templates.")


def prompt_labels(
    environ: Mapping[str, str], check: Callable[[PromptContent], None] = _saves_nothing
) -> PromptLibrary:
    """Return the prompts of the stage of `environ`; `check` is asked before a version is saved."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.evaluations import VerdictTable
    from chalicelib.adapters.records.prompts import PromptTable
    from chalicelib.prompts.library import PromptLibrary

    table = DynamoTable(aws.dynamodb(), RecordsSettings.from_environ(environ).records_table)
    return PromptLibrary(
        records=PromptTable(table),
        check=check,
        now=lambda: datetime.now(UTC),
        pause=_pause,
        verdicts=VerdictTable(table, lambda: datetime.now(UTC)),
    )


def _pause(attempt: int) -> None:
    """Let others go first: longer at each attempt, by chance, and not at all before the first."""
    if attempt:
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        time.sleep(random.uniform(0, longest))  # noqa: S311
