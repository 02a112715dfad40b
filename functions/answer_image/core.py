"""Answers what is asked of a picture, by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.looking import AnswerImageRequest, ImageTextResult
from chalicelib.inference.hot_swap import Models
from chalicelib.inference.seeing import hold_together
from chalicelib.inference.telling import Asked, Shown, Teller


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start."""

    models: Models[Teller]
    clock: Callable[[], float]


def run(request: AnswerImageRequest, deps: Deps) -> ImageTextResult:
    """Return the answer.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: a picture cannot be read, a word is not known, or the model does not take
            such a question, or so many pictures.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    hold_together([request.image, *(shot.image for shot in request.shots)], "messages")
    serving = deps.models.get(request.model)
    told = serving.model.tell(
        Asked(
            picture=request.image,
            question=request.question,
            shots=tuple(Shown(shot.image, shot.answer) for shot in request.shots),
            most=request.max_tokens,
        )
    )
    return ImageTextResult(
        text=told.text,
        finish=told.finish,
        version=serving.version.label,
        tokens_in=told.tokens_in,
        tokens_out=told.tokens_out,
        seconds=max(0.0, deps.clock() - began),
    )
