"""Lines of a batch that name a prompt: as they are given, and as they are kept once rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from chalicelib.contracts.base import AnyJson, Contract, HttpInput
from chalicelib.contracts.batches import MAX_ID_CHARACTERS, PromptUsed
from chalicelib.contracts.generations import Call, Terms
from chalicelib.contracts.prompts import LATEST, Label, PromptName
from chalicelib.contracts.receipts import Dollars


class NamedPrompt(HttpInput):
    """A prompt by its name: `version` is a number, a label or `latest`."""

    name: PromptName
    version: Annotated[int, Field(ge=1)] | Label = LATEST
    variables: dict[str, AnyJson] = Field(default_factory=dict)


class PromptLine(HttpInput):
    """A line whose words are a prompt's; what it does not say is as the prompt, then the batch,
    has it.
    """

    id: str = Field(min_length=1, max_length=MAX_ID_CHARACTERS)
    prompt: NamedPrompt
    model: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    quality: Annotated[int, Field(ge=1, le=5)] | None = None
    budget: Annotated[Dollars, Field(ge=0, le=1_000)] | None = None
    checks: tuple[Annotated[str, Field(max_length=1_000)], ...] = Field(default=(), max_length=8)
    fallback: bool | None = None
    allow_truncation: bool = False


class RenderedLine(Contract):
    """One line of `rendered.jsonl`: the call that a line came to.

    `reasons` tells that thoughts stand before the answer, which are cut off, and `output_schema`
    what the answer behind them is held to.
    """

    id: str
    call: Call
    terms: Terms
    prompt: PromptUsed
    keeps_truncated: bool = False
    reasons: bool = False
    output_schema: Mapping[str, Any] | None = None
