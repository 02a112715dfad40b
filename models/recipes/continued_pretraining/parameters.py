"""The settings of continued pre-training."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.networks.settings import TuningSettings

WAYS = ("full", "gradual", "lora", "qlora")
"""The ways that change what a model knows; a prompt or a prefix has no room for a domain."""


class Parameters(TuningSettings):
    """Settings of the way of tuning, of the blocks, and of how it is judged."""

    max_tokens: Annotated[int, Field(ge=8, le=131_072)] = 512
    """The tokens that a block predicts. Documents are packed into blocks, whatever their length."""
    judged_rows: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Held-out documents that judge the model, at most, and as many that it learned. A document of
    more than `max_tokens` is judged by a stretch of so many tokens, which the seed draws."""
    chat: bool = True
    """Whether the chat template of the base serves, if it has one. Without, a prompt is gone on
    with as it is."""

    @model_validator(mode="after")
    def _changes_what_is_known(self) -> Self:
        if self.way not in WAYS:
            raise ValueError(f"way is {self.way} and has to be one of {', '.join(WAYS)}")
        return self
