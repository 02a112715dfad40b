"""The settings of two towers. They need no torch."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.common.recipe import Settings

Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$", max_length=200)]

STRIDE = 8
"""Pixels along a side that become one token of a picture."""


class TowerSettings(Settings):
    """Settings of a tower for pictures and one for texts, whose vectors lie in one space."""

    side: Annotated[int, Field(ge=STRIDE, le=256, multiple_of=STRIDE)]
    """Height and width of a picture, pixels."""
    channels: Annotated[int, Field(ge=1, le=3)] = 3
    image_width: Annotated[int, Field(ge=16, le=1024, multiple_of=8)]
    """Width of the layers for pictures."""
    image_layers: Annotated[int, Field(ge=1, le=24)]
    text_width: Annotated[int, Field(ge=16, le=1024, multiple_of=8)]
    text_layers: Annotated[int, Field(ge=1, le=24)]
    heads: Annotated[int, Field(ge=1, le=16)]
    """Heads of attention in both towers."""
    vector: Annotated[int, Field(ge=8, le=1024)]
    """Dimensions of the space that both towers lead to."""
    vocabulary: Annotated[int, Field(ge=8, le=65_536)]
    """The most tokens that texts are made of, the four special ones among them."""
    prompt_tokens: Annotated[int, Field(ge=4, le=256)]
    """Tokens of a text, with those of its beginning and end; what is longer is cut."""
    first_temperature: Annotated[float, Field(ge=0.01, le=1)] = 0.07
    """What similarities are divided by to begin with; it is learned (Radford et al., 2.5)."""

    shift: Annotated[int, Field(ge=0, le=16)] = 0
    """Pixels by which a batch's pictures are moved at most, in training."""
    grey: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of pictures that are shown without their colours, in training."""
    templates: Annotated[tuple[Template, ...], Field(min_length=1, max_length=64)]
    """Prompts of a class, with `{}` in the place of its name; their vectors are averaged."""

    @model_validator(mode="after")
    def _divides(self) -> Self:
        for name in ("image_width", "text_width"):
            width = getattr(self, name)
            if width % self.heads:
                raise ValueError(
                    f"{name} is {width} and has to be a multiple of heads, {self.heads}"
                )
        return self
