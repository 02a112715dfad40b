"""The settings of a tagger of texts."""

from __future__ import annotations

from models.networks.settings import EncoderSettings


class Parameters(EncoderSettings):
    """Settings of the encoder and of its head."""

    probe: bool = True
    """Whether the head begins as a logistic regression of the base's vectors of tokens."""
