"""The settings of adapting: in which way, and how much of a model learns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.networks.settings import DecoderSettings

Way = Literal["full", "gradual", "lora", "ia3", "prompt_tuning"]


class Parameters(DecoderSettings):
    """Settings of the decoder, which are those of its base, and of the way that it is adapted."""

    way: Way
    """`full` trains every weight, `gradual` too but the last layers first; `lora` and `ia3` train
    what is put into each layer, `prompt_tuning` the vectors of a prompt."""
    rank: Annotated[int, Field(ge=1, le=256)] = 8
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 16.0
    """What LoRA's product is multiplied by, times `rank` (its alpha)."""
    prompt_tokens: Annotated[int, Field(ge=1, le=256)] = 20
    """Vectors of prompt tuning; they take as much of the context."""
