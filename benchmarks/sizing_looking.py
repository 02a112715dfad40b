"""Workload of the functions that look at pictures, with small served models."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from benchmarks.running_cloud import Caller
from chalicelib.contracts.generations import MAX_LABELS, MAX_PICTURES
from tests import exported_clip, exported_image_text, exported_models
from tests.exported_models import Files

SMALL, LARGE = 32, 7_000
"""Pixels along a side: of a picture as a model has it, and of the largest that is looked at."""
_TOLD = ("shapes-captions", "shapes-answers")


class Looking:
    """Calls about pictures; `post` sends one and raises if it is refused."""

    def __init__(self, caller: Caller, post: Callable[[str, Any], Any]) -> None:
        self._caller = caller
        self._post = post

    def small(self) -> None:
        """Have every function look at one small picture."""
        self._look(SMALL, 1, 2)

    def large(self) -> None:
        """Have every function look at its maximum number and size of pictures."""
        self._look(LARGE, 1, 2)
        self._look(SMALL, MAX_PICTURES, MAX_LABELS)

    def _look(self, side: int, count: int, labels: int) -> None:
        towers, blip2 = exported_clip.clip_files(), exported_image_text.blip2_files()
        for name in ("emoji-clip", "emoji-classes"):
            self._serve(name, towers)
        for name in _TOLD:
            self._serve(name, blip2)
        picture = _picture(side)
        images = {"images": [picture] * count}
        self._ask({"task": "embedding", "model": "emoji-clip", **images})
        classes = {"labels": [f"a {n}" for n in range(labels)], "templates": ["{}"]}
        self._ask({"task": "classification", "model": "emoji-classes", **images, **classes})
        for name in _TOLD:
            self._ask({"model": name, "messages": [{"role": "user", "images": [picture]}]})

    def _serve(self, name: str, files: Files) -> None:
        cloud = self._caller.cloud
        bucket = cloud.outputs["DocumentsBucketName"]
        exported_models.serve(cloud.client("s3"), bucket, files, name)

    def _ask(self, body: dict[str, Any]) -> None:
        self._post("/v1/generations", body)


def _picture(side: int) -> dict[str, str]:
    """Return a transparent picture, which needs the most memory to decode."""
    written = io.BytesIO()
    Image.new("RGBA", (side, side), (255, 0, 0, 128)).save(written, format="PNG")
    return {"media_type": "image/png", "data": base64.b64encode(written.getvalue()).decode()}
