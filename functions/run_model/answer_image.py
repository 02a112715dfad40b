"""Answer a question about an image, by a vision-language model that the stage serves."""

from __future__ import annotations

from chalicelib.contracts.vision import AnswerImageRequest, ImageTextResult
from chalicelib.inference.flamingo import open_image_text_model
from chalicelib.inference.image_files import check_total_pixels
from chalicelib.inference.image_text import ImageExample, ImageQuestion, ImageTextModel
from functions.run_model.deps import Deps

open_model = open_image_text_model
parse = AnswerImageRequest.model_validate


def run(request: AnswerImageRequest, deps: Deps[ImageTextModel]) -> ImageTextResult:
    """Return the answer, or a caption without a question.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: an image cannot be read, a word is not known, or the model does not take such
            a question, or so many images.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be loaded now.
    """
    began = deps.monotonic()
    check_total_pixels([request.image, *(shot.image for shot in request.shots)], "messages")
    served = deps.models.get(request.model, request.caller, request.variant)
    answer = served.model.answer(
        ImageQuestion(
            image=request.image,
            question=request.question,
            examples=tuple(ImageExample(shot.image, shot.answer) for shot in request.shots),
            max_tokens=request.max_tokens,
        )
    )
    return ImageTextResult(
        text=answer.text,
        finish=answer.finish,
        version=served.version.receipt_name,
        tokens_in=answer.tokens_in,
        tokens_out=answer.tokens_out,
        seconds=deps.seconds_since(began),
    )
