"""Says what is in a picture, by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.contracts.looking import CaptionImageRequest, ImageTextResult
from chalicelib.inference.captioning import Captioner
from chalicelib.inference.hot_swap import Models
from chalicelib.inference.telling import Asked


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start."""

    models: Models[Captioner]
    clock: Callable[[], float]


def run(request: CaptionImageRequest, deps: Deps) -> ImageTextResult:
    """Return a caption.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the picture cannot be read.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    serving = deps.models.get(request.model)
    told = serving.model.tell(Asked(request.image, most=request.max_tokens))
    return ImageTextResult(
        text=told.text,
        finish=told.finish,
        version=serving.version.label,
        tokens_in=told.tokens_in,
        tokens_out=told.tokens_out,
        seconds=max(0.0, deps.clock() - began),
    )
