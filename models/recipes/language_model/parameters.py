"""The settings of the language model: those of its decoder."""

from __future__ import annotations

from models.networks.settings import DecoderSettings


class Parameters(DecoderSettings):
    """Settings of the decoder; a row of training is `context` tokens and the one after."""
