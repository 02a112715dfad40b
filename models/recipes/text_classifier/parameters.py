"""The settings of a classifier of texts."""

from __future__ import annotations

from typing import Literal

from models.networks.settings import EncoderSettings


class Parameters(EncoderSettings):
    """Settings of the encoder and of its head."""

    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs a row by how rare its class is, so that rare classes are told more often,
    and wrongly so, too."""
    probe: bool = True
    """Whether the head begins as a logistic regression of the base's vectors, so that the first
    steps do not distort them: A. Kumar et al., https://arxiv.org/abs/2202.10054."""
