"""The composition root of prompts."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.contracts.prompts import PromptContent, PromptVersion, RenderedPrompt
    from chalicelib.prompts.library import PromptLibrary

_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25


def prompt_library(environ: Mapping[str, str]) -> PromptLibrary:
    """Return the prompts of the stage that `environ` describes."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.evaluations import VerdictTable
    from chalicelib.adapters.records.prompts import PromptTable
    from chalicelib.prompts.library import PromptLibrary

    table = DynamoTable(aws.dynamodb(), RecordsSettings.from_environ(environ).records_table)
    return PromptLibrary(
        records=PromptTable(table),
        check=_check,
        now=lambda: datetime.now(UTC),
        pause=_pause,
        verdicts=VerdictTable(table, lambda: datetime.now(UTC)),
    )


def _check(content: PromptContent) -> None:
    # Imported here: Jinja is loaded where a template is looked at, and at no start.
    from chalicelib.prompts.validation import check_prompt

    check_prompt(content)


def preview_prompt(
    version: PromptVersion,
    variables: Mapping[str, JsonValue],
    outputs: Mapping[str, str],
    fence: str,
) -> RenderedPrompt:
    """Render what the turns of a prompt would send."""
    from chalicelib.prompts.rendering import preview

    return preview(version, variables, outputs, fence)


def _pause(attempt: int) -> None:
    """Let others go first: longer at each attempt, by chance, and not at all before the first."""
    if attempt:
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        time.sleep(random.uniform(0, longest))  # noqa: S311
