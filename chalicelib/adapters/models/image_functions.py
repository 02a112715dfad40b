"""Pictures by the function `generate_image`."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.adapters.models.call_limits import remaining_seconds, with_earlier_usage
from chalicelib.adapters.models.function_client import ModelFunction, require_call
from chalicelib.contracts.functions.generate_image import GenerateImageRequest, GenerateImageResult
from chalicelib.contracts.generations import (
    Call,
    ClassifyCall,
    ClassifyOutput,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    ImageOutput,
    ImagePart,
    Reply,
    Usage,
)
from chalicelib.contracts.vision import (
    MAX_BYTES,
    MAX_TEXTS_AT_ONCE,
    ClassifyImageRequest,
    ClassifyImageResult,
    EmbedImageRequest,
    EmbedImageResult,
)
from chalicelib.errors import InvalidInput, ModelFailure, Transient

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ServedModel


class GenerateImageFunction:
    """The Lambda function that generates images by trained models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "drawing")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return the pictures of `call`, all of them; raises as `AnsweringFunction.answer` does."""
        wanted = require_call(ImageCall, model, call)
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


class ClassifyImageFunction:
    """The Lambda function that classifies images by trained models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "classifying")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return how likely each label is of each picture, and raise as `AnsweringFunction.answer`
        does.
        """
        wanted = require_call(ClassifyCall, model, call)
        if not wanted.images:
            raise InvalidInput(
                f"{model.name} classifies images by labels; give images.", field="images"
            )
        given = {
            "model": model.name,
            "images": encode_images(wanted.images, "images"),
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


class EmbedImageFunction:
    """The Lambda function that embeds images and texts by trained models."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Ask as `ModelFunction` does."""
        self._function = ModelFunction(client, name, seconds, "picture embedding")

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return a vector for each picture or text, and raise as `AnsweringFunction.answer` does.

        All are of one version: where another begins to serve meanwhile, it is `Transient`. An error
        tells what was used until then.
        """
        wanted = require_call(EmbedCall, model, call)
        vectors: list[tuple[float, ...]] = []
        used, seconds, version = Usage(), 0.0, ""
        began = time.monotonic()
        for texts, images in _parts(wanted):
            with with_earlier_usage(used, seconds):
                left = remaining_seconds(asking.seconds_left, time.monotonic() - began)
                result = self._ask(model, texts, images, replace(asking, seconds_left=left))
            used = Usage(tokens_in=used.tokens_in + result.tokens, images=used.images + len(images))
            seconds += result.seconds
            with with_earlier_usage(used, seconds):
                if version not in {"", result.version}:
                    raise Transient(f"{model.name} was swapped meanwhile; ask again.")
            version = result.version
            vectors += result.vectors
        return Reply(
            model=model.name,
            answered_by=version,
            output=EmbedOutput(vectors=tuple(vectors)),
            usage=used,
            seconds=round(seconds, 6),
        )

    def _ask(
        self, model: ServedModel, texts: Sequence[str], images: Sequence[bytes], asking: CallContext
    ) -> EmbedImageResult:
        given = {"model": model.name, "texts": texts, "images": images}
        result = self._function.ask(EmbedImageRequest, given, EmbedImageResult, asking)
        if len(result.vectors) != len(texts) + len(images):
            raise ModelFailure(
                f"The picture embedding function gave {len(result.vectors)} vectors for"
                f" {len(texts) + len(images)} pictures or texts.",
                seconds=result.seconds,
            )
        return result


def _parts(call: EmbedCall) -> Iterator[tuple[Sequence[str], Sequence[bytes]]]:
    """Yield the texts, or the pictures, of each invocation."""
    for first in range(0, len(call.texts), MAX_TEXTS_AT_ONCE):
        yield call.texts[first : first + MAX_TEXTS_AT_ONCE], ()
    if call.images:
        yield (), encode_images(call.images, "images")


def encode_images(images: Sequence[ImagePart], field: str) -> list[bytes]:
    """Return pictures in base64, as contracts read them.

    Raises:
        InvalidInput: together they are too large for an invocation; it names the `field`.
    """
    size = sum(len(image.data) for image in images)
    if size > MAX_BYTES:
        raise InvalidInput(
            f"{field}: the pictures have {size} bytes, and {MAX_BYTES} are looked at at once; make"
            " them smaller, or send fewer.",
            field=field,
            limit=f"{MAX_BYTES} bytes",
        )
    return [base64.b64encode(image.data) for image in images]
