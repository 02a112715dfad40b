"""The sizes of a decoder-only language model, as settings of whatever recipe has one; no torch."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.common.recipe import Settings


class DecoderSettings(Settings):
    """Settings of a Llama: H. Touvron et al., https://arxiv.org/abs/2302.13971."""

    vocabulary: Annotated[int, Field(ge=8, le=262_144)]
    """Tokens that there are, special ones included."""
    width: Annotated[int, Field(ge=8, le=8192)]
    """Dimensions of a token's vector; a multiple of twice `heads`."""
    inner: Annotated[int, Field(ge=8, le=65_536)]
    """Width of the gated perceptron inside a layer."""
    layers: Annotated[int, Field(ge=1, le=128)]
    heads: Annotated[int, Field(ge=1, le=128)]
    context: Annotated[int, Field(ge=8, le=131_072)]
    """Tokens that the model sees at once, at most."""

    @model_validator(mode="after")
    def _turns_pairs(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width} and has to be a multiple of twice heads ({self.heads}), "
                "as positions turn pairs of a head's dimensions"
            )
        return self
