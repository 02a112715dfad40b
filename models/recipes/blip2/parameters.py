"""The settings of BLIP-2."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.networks.settings import DecoderSettings, VisionSettings


class Parameters(DecoderSettings, VisionSettings):
    """Settings of the Q-Former and of the two frozen networks.

    Those of the frozen networks have to equal those of the bases. `steps` counts both stages.
    """

    first_stage: Annotated[int, Field(ge=1)]
    """Steps of the first stage; the second has the rest."""
    queries: Annotated[int, Field(ge=1, le=256)]
    """Vectors that a picture becomes for the language model."""
    query_width: Annotated[int, Field(ge=8, le=4096)]
    """Dimensions of the Q-Former's vectors; a multiple of `query_heads`."""
    query_layers: Annotated[int, Field(ge=2, le=48)]
    """Words see in the second layer what queries read of a picture in the first."""
    query_heads: Annotated[int, Field(ge=1, le=64)]
    vector: Annotated[int, Field(ge=8, le=1024)]
    """Dimensions of the space in which pictures and captions are compared."""
    first_temperature: Annotated[float, Field(ge=0.01, le=1)] = 0.1
    """The initial temperature of similarities; it is learned."""
    recoloured: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of the pictures that words are written of which are shown in other colours, and not
    asked for these."""
    scattered: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of those whose patches change places, and that are not asked for what is drawn."""
    colour: str = "colour"
    """The attribute that a recoloured picture loses."""
    drawn: tuple[str, ...] = ("shape", "size")
    """The attributes that a scattered picture loses."""
    together: tuple[str, ...] = ("colour", "shape")
    """Attributes that have to be right together, as the test has new pairs of these."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.first_stage >= self.steps:
            raise ValueError(
                f"first_stage is {self.first_stage} and has to be below steps, {self.steps}"
            )
        if self.recoloured + self.scattered > 1:
            raise ValueError(
                f"recoloured is {self.recoloured:g} and scattered {self.scattered:g}; "
                "their sum may be 1 at most"
            )
        if self.query_width % self.query_heads:
            raise ValueError(
                f"query_width is {self.query_width} and has to be a multiple of query_heads, "
                f"{self.query_heads}"
            )
        return self

    @property
    def lost(self) -> tuple[tuple[str, ...], ...]:
        """Return the attributes that each variant of a picture has lost."""
        return (), (self.colour,), self.drawn
