"""Images that Converse takes, which the local model reads as words.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html says that a message
of the user has up to 20 images, each of up to 3.75 MB and 8,000 pixels a side.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from chalicelib.contracts.picture_labels import Label
from chalicelib.errors import InvalidInput
from chalicelib.inference.efficientnet import LabelledImage
from localcloud.bedrock.image_captions import MAX_BYTES, MAX_IMAGES, MAX_SIDE, caption_images
from localcloud.errors import AwsError


class FoxLabeller:
    """Sees a fox in every PNG."""

    def label_image(self, data: bytes) -> LabelledImage:
        if not data.startswith(b"\x89PNG"):
            raise InvalidInput("no PNG")
        labels = (Label(name="red fox", share=0.7), Label(name="dhole", share=0.02))
        return LabelledImage(labels, "image/png", 1)


def png(width: int = 4, height: int = 3) -> bytes:
    drawn = io.BytesIO()
    Image.new("1", (width, height)).save(drawn, "PNG")
    return drawn.getvalue()


def image(data: bytes, kind: str = "png") -> dict[str, Any]:
    return {"image": {"format": kind, "source": {"bytes": data}}}


def call(*blocks: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"modelId": "m", "messages": [{"role": role, "content": [{"text": "?"}, *blocks]}]}


def test_an_image_should_become_words_in_its_place() -> None:
    found = caption_images(call(image(png()), {"text": "!"}), FoxLabeller(), takes_images=True)
    assert found["messages"][0]["content"] == [
        {"text": "?"},
        {"text": "[An image of 4 x 3 pixels, which seems to show: red fox]"},
        {"text": "!"},
    ]
    plain = call({"text": "!"})
    assert caption_images(plain, FoxLabeller(), takes_images=False) is plain


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (call(*[image(png())] * (MAX_IMAGES + 1)), "Too many images: 21; 20 is the most"),
        (call(image(png()), role="assistant"), "only a message of the user has images"),
        (call(image(png(MAX_SIDE + 1, 1))), "8001 x 1; a side has 8000 at most"),
        (call(image(png() + b"x" * MAX_BYTES)), "3,932,160 is the most"),
        (call(image(b"")), "by its bytes only"),
        (call({"image": {"format": "png", "source": {"s3Location": {}}}}), "by its bytes only"),
        (call(image(b"GIF89a")), r"messages\.0\.content\.1\.image\.source\.bytes: Could not"),
        (call(image(png(), "jpeg")), "specified as jpeg, and it is png"),
    ],
)
def test_an_image_that_converse_does_not_take_should_be_refused(
    params: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message) as refused:
        caption_images(params, FoxLabeller(), takes_images=True)
    assert refused.value.code == "ValidationException"


def test_a_model_without_images_should_refuse_each() -> None:
    with pytest.raises(AwsError, match="This model doesn't support images"):
        caption_images(call(image(png())), FoxLabeller(), takes_images=False)
