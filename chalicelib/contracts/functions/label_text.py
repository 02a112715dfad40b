"""Input and output of the function `label_text`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.functions.complete_text import MAX_CHARACTERS
from chalicelib.contracts.generations import TaggedSpan
from chalicelib.contracts.serving import ServedModelRequest

MAX_TEXTS_AT_ONCE = 64
"""Texts that are labelled by one invocation."""


class LabelTextRequest(ServedModelRequest):
    """Texts that the model which the stage serves as `model` is to label."""

    texts: tuple[Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)], ...] = Field(
        min_length=1, max_length=MAX_TEXTS_AT_ONCE
    )


class LabelTextResult(Contract):
    """The labels of texts, in order, with the version, the tokens that were read, and the seconds.

    A model of whole texts gives `shares`, how likely each of its `labels` is of each text, together
    1. One of the spans in texts gives `spans`. `truncated` are the numbers of texts of which only
    the beginning was read.
    """

    labels: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...] = ()
    spans: tuple[tuple[TaggedSpan, ...], ...] = ()
    truncated: tuple[int, ...] = ()
    tokens: int = Field(ge=0)
    version: str
    seconds: float = Field(ge=0)
