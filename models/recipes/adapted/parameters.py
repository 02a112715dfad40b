"""The settings of adapting a language model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.networks.settings import DecoderSettings

Way = Literal["full", "gradual", "lora", "ia3", "prompt_tuning"]


class Parameters(DecoderSettings):
    """Settings of the decoder, equal to its base's, and of the way of tuning."""

    way: Way
    """`full` trains every weight, `gradual` too but the last layers first; `lora` and `ia3` train
    what is put into each layer, `prompt_tuning` the vectors of a prompt."""
    rank: Annotated[int, Field(ge=1, le=256)] = 8
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 16.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    prompt_tokens: Annotated[int, Field(ge=1, le=256)] = 20
    """Vectors of prompt tuning; they take as much of the context."""
