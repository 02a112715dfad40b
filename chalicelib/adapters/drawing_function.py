"""Pictures by the function `generate_image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.adapters.model_function import ModelFunction, only
from chalicelib.contracts.drawing import GenerateImageRequest, GenerateImageResult
from chalicelib.contracts.generations import Call, ImageCall, ImageOutput, Reply, Usage
from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.served import ServedModel


class DrawFunction:
    """What draws by models that the stage trained."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "drawing")

    def answer(self, model: ServedModel, call: Call, asking: Asking) -> Reply:
        """Return the pictures of `call`, all of them; raises as `AnsweringFunction.answer` does."""
        wanted = only(ImageCall, model, call)
        given = {**wanted.model_dump(exclude={"task"}), "model": model.name}
        if "prompt" in model.refuses:
            given["prompt"] = ""
        result = self._function.ask(GenerateImageRequest, given, GenerateImageResult, asking)
        if len(result.images) != wanted.count:
            raise ModelFailure(
                f"The drawing function gave {len(result.images)} pictures and not {wanted.count}.",
                seconds=result.seconds,
            )
        return Reply(
            model=model.name,
            answered_by=result.version,
            output=ImageOutput.model_construct(images=result.images),
            usage=Usage(images=len(result.images)),
            seconds=round(result.seconds, 6),
        )
