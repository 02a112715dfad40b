"""Prompts as requests to each image model on Bedrock (InvokeModel), and their images.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from chalicelib.contracts.generations import ImageCall, ImageOutput
from chalicelib.errors import ModelFailure

Body = dict[str, Any]
_AMAZON_IMAGES = 5
"""The most images that Amazon's models generate per request."""


class ImageFormat(Protocol):
    """The request and the response of a family of models."""

    def requests(self, call: ImageCall) -> Iterator[Body]:
        """Yield the bodies that together generate the images of `call`."""

    def answer(self, body: Mapping[str, Any]) -> ImageOutput:
        """Return the images of a response. Raises `ModelFailure` if there are none."""


class AmazonImages:
    """Nova Canvas and Titan Image Generator: up to five images per request."""

    def requests(self, call: ImageCall) -> Iterator[Body]:
        """Yield one body for each five images; each further one has the next seed."""
        for first in range(0, call.count, _AMAZON_IMAGES):
            words: Body = {"text": call.prompt}
            if call.negative_prompt:
                words["negativeText"] = call.negative_prompt
            config: Body = {
                "numberOfImages": min(_AMAZON_IMAGES, call.count - first),
                "width": call.width,
                "height": call.height,
            }
            if call.seed is not None:
                config["seed"] = call.seed + first
            yield {
                "taskType": "TEXT_IMAGE",
                "textToImageParams": words,
                "imageGenerationConfig": config,
            }

    def answer(self, body: Mapping[str, Any]) -> ImageOutput:
        """Return the images, which are PNG."""
        if body.get("error"):
            raise ModelFailure(f"The image model made no picture: {body['error']}")
        return _pictures(body)


class StabilityImages:
    """Stability AI's text-to-image models: one image per request, sized by aspect ratio."""

    def requests(self, call: ImageCall) -> Iterator[Body]:
        """Yield one body per image; each further one has the next seed."""
        for n in range(call.count):
            body: Body = {
                "prompt": call.prompt,
                "mode": "text-to-image",
                "aspect_ratio": nearest_shape(call.width, call.height),
                "output_format": "png",
            }
            if call.negative_prompt:
                body["negative_prompt"] = call.negative_prompt
            if call.seed is not None:
                body["seed"] = call.seed + n
            yield body

    def answer(self, body: Mapping[str, Any]) -> ImageOutput:
        """Return the one image; raise `ModelFailure` with the reason if it was filtered."""
        reasons = [reason for reason in body.get("finish_reasons") or () if reason]
        if reasons:
            raise ModelFailure(f"The image model made no picture: {', '.join(reasons)}")
        return _pictures(body)


SHAPES = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")
"""Aspect ratios that Stability's models can generate, widest first."""

BEDROCK_FORMATS: Mapping[str, ImageFormat] = {
    "amazon-image": AmazonImages(),
    "stability-image": StabilityImages(),
}
"""Formats by the schema that the catalogue names for a model."""


def nearest_shape(width: int, height: int) -> str:
    """Return the one of `SHAPES` that is nearest to an image of `width` by `height`."""

    def far(shape: str) -> float:
        across, _, down = shape.partition(":")
        return abs(math.log(width / height) - math.log(int(across) / int(down)))

    return min(SHAPES, key=far)


def _pictures(body: Mapping[str, Any]) -> ImageOutput:
    images = body.get("images")
    if not images:
        raise ModelFailure("The image model's answer has no pictures.")
    return ImageOutput(images=tuple(str(image).encode() for image in images))
