"""The settings of late fusion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.training.settings import RecipeSettings


class Parameters(RecipeSettings):
    """Settings of both encoders and of what joins them."""

    side: Annotated[int, Field(ge=8, le=256)]
    """Height and width of a picture, pixels."""
    channels: Literal[1, 3]
    """1 reads pictures as greys, 3 in colour."""
    vocabulary: Annotated[int, Field(ge=8, le=65_536)]
    """The most tokens that titles are made of, the four special ones among them."""
    prompt_tokens: Annotated[int, Field(ge=4, le=256)]
    """Tokens of a title, with those of its beginning and end; what is longer is cut."""
    width: Annotated[int, Field(ge=8, le=1024, multiple_of=8)]
    """Channels of the last convolution."""
    vector: Annotated[int, Field(ge=8, le=1024)]
    """Dimensions of what each encoder gives."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of an encoder's dimensions that a training step leaves out."""
