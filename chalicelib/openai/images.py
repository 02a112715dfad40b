"""Conversion of an image request into a model call, and of images into its response.

https://platform.openai.com/docs/api-reference/images/create
"""

from __future__ import annotations

import base64
import re

from chalicelib.contracts.generations import Generation, ImageCall, ImageOutput, Terms
from chalicelib.contracts.openai.images import Image, ImageList, ImageRequest
from chalicelib.errors import InvalidInput
from chalicelib.openai.completions import generation_receipt
from chalicelib.openai.turns import refuse_unsupported

DEFAULT_SIDE = 1_024
_ALTERNATIVES = {
    "response_format": "pictures come within the answer, so ask for b64_json",
    "output_format": "ask for png",
}
_SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")


def image_call(request: ImageRequest) -> ImageCall:
    """Return the call that `request` asks for.

    Raises:
        Unsupported: The request has a field that is not supported, which is named.
        InvalidInput: The size is not valid.
    """
    refuse_unsupported(
        {
            "response_format": request.response_format == "url",
            "output_format": request.output_format not in {None, "png"},
            "background": request.background not in {None, "auto", "opaque"},
            "stream": request.stream is True,
        },
        _ALTERNATIVES,
    )
    width = height = DEFAULT_SIDE
    if request.size not in {None, "auto"}:
        found = _SIZE.fullmatch(request.size or "")
        if found is None:
            raise InvalidInput("size is WIDTHxHEIGHT, such as 1024x1024, or auto.", field="size")
        width, height = int(found[1]), int(found[2])
    try:
        return ImageCall(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            count=request.n or 1,
            width=width,
            height=height,
            seed=request.seed,
            to_seed=request.to_seed,
            steps=request.steps,
            guidance=request.guidance,
        )
    except ValueError as error:
        raise InvalidInput(
            "A picture is 8 to 4,096 pixels wide and high.", field="size", limit="4096"
        ) from error


def terms(request: ImageRequest) -> Terms:
    """Return the terms of `request`: the model that it names."""
    return Terms(model=request.model)


def image_list(generation: Generation, output: ImageOutput) -> ImageList:
    """Return the images of a generation."""
    return ImageList(
        created=int(generation.created_at.timestamp()),
        data=tuple(Image(b64_json=base64.b64encode(each).decode()) for each in output.images),
        headrace=generation_receipt(generation),
    )
