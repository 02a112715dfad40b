"""Input and output of the function `score_answer`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.functions.complete_text import MAX_CHARACTERS
from chalicelib.contracts.generations import MAX_ANSWERS
from chalicelib.contracts.serving import ServedModelRequest

ScoredText = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class ScoreAnswerRequest(ServedModelRequest):
    """Answers to a prompt that the model which the stage serves as `model` is to score."""

    prompt: ScoredText
    answers: tuple[ScoredText, ...] = Field(min_length=1, max_length=MAX_ANSWERS)


class ScoreAnswerResult(Contract):
    """A number for each answer, in order, higher where it would be liked better; how many tokens
    were read, the version that scored, and how many seconds that took.
    """

    scores: tuple[float, ...]
    tokens: int = Field(ge=0)
    version: str
    seconds: float = Field(ge=0)
