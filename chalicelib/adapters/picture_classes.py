"""Calls for classes of pictures by the function `classify_image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.adapters.model_function import ModelFunction, only
from chalicelib.adapters.sent_pictures import in_base64
from chalicelib.contracts.generations import Call, ClassifyCall, ClassifyOutput, Reply, Usage
from chalicelib.contracts.looking import ClassifyImageRequest, ClassifyImageResult
from chalicelib.errors import ModelFailure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.served import ServedModel


class ClassifyImageFunction:
    """What tells classes of pictures by models that the stage trained."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "classifying")

    def answer(self, model: ServedModel, call: Call, asking: Asking) -> Reply:
        """Return how likely each label is of each picture, and raise as `AnsweringFunction.answer`
        does.
        """
        wanted = only(ClassifyCall, model, call)
        given = {
            "model": model.name,
            "images": in_base64(wanted.images, "images"),
            "labels": wanted.labels,
            "templates": wanted.templates,
        }
        result = self._function.ask(ClassifyImageRequest, given, ClassifyImageResult, asking)
        sizes = [len(each) for each in result.shares]
        if sizes != [len(wanted.labels)] * len(wanted.images):
            raise ModelFailure(
                f"The classifying function gave shares of {sizes} labels and not of"
                f" {len(wanted.labels)} for each of {len(wanted.images)} pictures."
            )
        return Reply(
            model=model.name,
            answered_by=result.version,
            output=ClassifyOutput(labels=wanted.labels, shares=result.shares),
            usage=Usage(tokens_in=result.tokens, images=len(wanted.images)),
            seconds=round(result.seconds, 6),
        )
