"""Caption an image, by a vision-language model that the stage serves."""

from __future__ import annotations

from chalicelib.contracts.vision import CaptionImageRequest, ImageTextResult
from chalicelib.inference import blip2
from chalicelib.inference.image_text import ImageQuestion, ImageTextModel
from functions.run_model.deps import Deps

open_model = blip2.open_model
parse = CaptionImageRequest.model_validate


def run(request: CaptionImageRequest, deps: Deps[ImageTextModel]) -> ImageTextResult:
    """Return the caption.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: the image cannot be read.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    served = deps.models.get(request.model, request.caller, request.variant)
    answer = served.model.answer(ImageQuestion(request.image, max_tokens=request.max_tokens))
    return ImageTextResult(
        text=answer.text,
        finish=answer.finish,
        version=served.version.receipt_name,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        seconds=deps.seconds_since(began),
    )
