"""Input and output of the function `complete_text`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chalicelib.contracts.base import Contract
from chalicelib.contracts.functions.generate_image import Seed
from chalicelib.contracts.generations import MAX_STOPS
from chalicelib.contracts.serving import ServedModelRequest

MAX_CHARACTERS = 100_000
"""Of a prompt; a model's own limit is in tokens, and far below."""


MAX_TURNS = 1_000
"""Messages of a conversation."""


class CompletionTurn(Contract):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str = Field(max_length=MAX_CHARACTERS)


class CompleteTextRequest(ServedModelRequest):
    """A prompt that the model which the stage serves as `model` is to go on with, or the messages
    of a conversation, which the version's own chat template makes a prompt of.

    At temperature 0 the likeliest token follows each; otherwise one is drawn, of the fewest that
    make `top_p`, by `seed` or by chance. The text ends by itself, before the first of `stop`, or
    after `max_tokens` or what the model holds.
    """

    prompt: str = Field(default="", max_length=MAX_CHARACTERS)
    messages: tuple[CompletionTurn, ...] = Field(default=(), max_length=MAX_TURNS)
    max_tokens: int = Field(ge=1)
    temperature: float = Field(default=0, ge=0, le=2)
    top_p: float = Field(default=1, gt=0, le=1)
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=MAX_STOPS)
    seed: Seed | None = None

    @model_validator(mode="after")
    def _require_one_input(self) -> CompleteTextRequest:
        if bool(self.prompt) == bool(self.messages):
            raise ValueError("give a prompt or messages, and not both")
        return self


class CompleteTextResult(Contract):
    """The text after the prompt, without leading spaces; how it ended, in how many tokens, the
    version that wrote it, and how many seconds that took. `length` says that it was cut off.
    """

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int = Field(ge=0)
    tokens_out: int = Field(ge=0)
    version: str
    seconds: float = Field(ge=0)
