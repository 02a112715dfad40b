"""The composition root of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.wiring.prompt_labels import prompt_labels

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.contracts.prompts import PromptContent, PromptVersion, RenderedPrompt
    from chalicelib.prompts.library import PromptLibrary


def prompt_library(environ: Mapping[str, str]) -> PromptLibrary:
    """Return the prompts of the stage that `environ` describes."""
    return prompt_labels(environ, _check)


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
