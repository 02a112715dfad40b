"""Images of a conversation as words, for the local model reads text only.

A classifier of a thousand everyday things looks at each image: it tells a fox from a lorry, reads
no text and counts nothing.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from chalicelib.errors import InvalidInput, ModelFailure, Unsupported
from chalicelib.inference.efficientnet import EfficientNetLabeller, LabelledImage
from localcloud.bedrock.content import validation_error
from localcloud.errors import AwsError
from localcloud.service import Params

MAX_IMAGES = 20
MAX_BYTES = 3_932_160
"""3.75 MB, the most of one image."""
MAX_SIDE = 8_000
MIN_SHARE = 0.1
"""Labels that are less likely are not told, except the likeliest one."""


class ImageLabeller(Protocol):
    """A model that labels images."""

    def label_image(self, data: bytes) -> LabelledImage:
        """Return the labels of the image that `data` encodes."""


class PulledLabeller:
    """The labeller among the pulled models, which is opened at the first image."""

    def __init__(self, models_dir: Path) -> None:
        """Use the models in `models_dir`."""
        self._models_dir = models_dir

    @cached_property
    def _opened(self) -> EfficientNetLabeller:
        return EfficientNetLabeller.open(self._models_dir)

    def label_image(self, data: bytes) -> LabelledImage:
        """Return the labels of an encoded image. Raises ModelFailure if the model is not here."""
        return self._opened.label_image(data)


def caption_images(
    params: Params, labeller: ImageLabeller, *, takes_images: bool
) -> Mapping[str, Any]:
    """Return Converse's `params` with every image of a message replaced by its caption.

    Raises ValidationException, as AWS does, for an image that the model does not take: for a model
    without images, above a limit of Converse, of an assistant, by its address in S3, or damaged.
    """
    messages = params.get("messages", ())
    found = [block for message in messages for block in message["content"] if "image" in block]
    if not found:
        return params
    if not takes_images:
        raise validation_error(
            "This model doesn't support images. Remove the image blocks and try again."
        )
    if len(found) > MAX_IMAGES:
        raise validation_error(f"Too many images: {len(found)}; {MAX_IMAGES} is the most.")
    captioned = [
        {**message, "content": _captioned(message, f"messages.{n}", labeller)}
        for n, message in enumerate(messages)
    ]
    return {**params, "messages": captioned}


def _captioned(
    message: Mapping[str, Any], path: str, labeller: ImageLabeller
) -> Sequence[Mapping[str, Any]]:
    blocks = []
    for n, block in enumerate(message["content"]):
        if "image" not in block:
            blocks.append(block)
            continue
        if message["role"] != "user":
            raise validation_error(f"{path}.content.{n}: only a message of the user has images.")
        blocks.append({"text": _caption(block["image"], f"{path}.content.{n}.image", labeller)})
    return blocks


def _caption(image: Mapping[str, Any], path: str, labeller: ImageLabeller) -> str:
    data = image.get("source", {}).get("bytes")
    if not data:
        raise validation_error(f"{path}.source: the local cloud takes an image by its bytes only.")
    if len(data) > MAX_BYTES:
        raise validation_error(f"{path}: {len(data):,} bytes; {MAX_BYTES:,} is the most.")
    try:
        with Image.open(io.BytesIO(data)) as opened:
            width, height = opened.size
        if max(width, height) > MAX_SIDE:
            raise validation_error(f"{path}: {width} x {height}; a side has {MAX_SIDE} at most.")
        labelled = labeller.label_image(data)
    except (OSError, Image.DecompressionBombError, InvalidInput, Unsupported) as error:
        raise validation_error(f"{path}.source.bytes: Could not process image.") from error
    except ModelFailure as error:
        raise AwsError("ServiceUnavailableException", error.message, 503) from error
    kind = labelled.media_type.removeprefix("image/")
    if kind != image.get("format"):
        raise validation_error(
            f"{path}.format: the image is specified as {image.get('format')}, and it is {kind}."
        )
    likely = [label.name for label in labelled.labels if label.share >= MIN_SHARE]
    names = "; ".join(likely or [labelled.labels[0].name])
    return f"[An image of {width} x {height} pixels, which seems to show: {names}]"
