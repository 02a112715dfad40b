"""The sizes of a tower for pictures, as settings of whatever recipe has one; no torch."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.common.recipe import Settings
from models.networks.tower_settings import STRIDE


class VisionSettings(Settings):
    """Settings of a vision transformer: A. Dosovitskiy et al., https://arxiv.org/abs/2010.11929."""

    side: Annotated[int, Field(ge=STRIDE, le=256, multiple_of=STRIDE)]
    """Height and width of a picture, pixels."""
    image_width: Annotated[int, Field(ge=16, le=1024, multiple_of=8)]
    """Dimensions of a picture's tokens; a multiple of `image_heads`."""
    image_layers: Annotated[int, Field(ge=1, le=24)]
    image_heads: Annotated[int, Field(ge=1, le=16)]

    @model_validator(mode="after")
    def _divides_image_width(self) -> Self:
        if self.image_width % self.image_heads:
            raise ValueError(
                f"image_width is {self.image_width} and has to be a multiple of image_heads, "
                f"{self.image_heads}"
            )
        return self

    @property
    def image_tokens(self) -> int:
        """Return how many vectors a picture becomes: one a patch, and one for the whole."""
        patches = self.side // STRIDE
        return patches * patches + 1
