"""Settings of how a model that writes about pictures is tuned. No torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.networks.settings import Template
from models.training.settings import RecipeSettings

VisionLanguageWay = Literal["lora", "full"]


class VisionLanguageSettings(RecipeSettings):
    """Settings of a base that sees a picture, reads a question and writes an answer."""

    way: VisionLanguageWay = "lora"
    """`lora` leaves the tower of pictures as it is, trains what joins it to the words (BLIP-2's
    Q-Former and projection, Idefics' resampler and gated attention) as a whole, and the language
    model by two narrow matrices beside each of its own. `full` trains every weight, as a base that
    begins anew needs."""
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    """Of LoRA's two matrices."""
    scale: Annotated[float, Field(gt=0, le=1024)] = 32.0
    """The scale of LoRA's product, times `rank` (its alpha)."""
    prompt: Template = "Question: {} Answer:"
    """What is read before an answer, with `{}` in the place of the question."""
    max_tokens: Annotated[int, Field(ge=4, le=16_384)] = 128
    """The most tokens of a prompt, without the vectors of the picture; a longer one is an error."""
    max_answer_tokens: Annotated[int, Field(ge=2, le=4096)] = 32
    """The most tokens of an answer and its end; a longer one is an error."""
