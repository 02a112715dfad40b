"""The settings of an embedder of texts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.networks.settings import EncoderSettings


class Parameters(EncoderSettings):
    """Settings of the encoder and of the loss."""

    way: Literal["full", "gradual", "lora"]
    """There is no head, so that the layers learn in any way."""
    similarity_scale: Annotated[float, Field(gt=0, le=1000)] = 20.0
    """What cosines are multiplied by before the softmax: 1 by its temperature."""
    read_tokens: Annotated[int, Field(ge=8, le=8192)] = 256
    """Tokens of a text that the served model reads, if its base reads as many; what is longer is
    cut. Training cuts to `max_tokens`, as most of what it takes goes with the square of it. A model
    that passages of collections are indexed by reads 256 beside its prefix."""
    query_prefix: Annotated[str, Field(max_length=200)] = ""
    """Stands before each query, for bases that were trained so, such as `query: `."""
    passage_prefix: Annotated[str, Field(max_length=200)] = ""
    """Stands before each passage."""
    weight_bits: Literal[8, 32] = 32
    """Bits of the weights of matrix products in the graph that serves; of 8, in blocks of 32 with a
    scale each, the graph is held to the nDCG of the network."""
