"""Workload of the functions that write, score and label, with small served models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.running_cloud import Caller
from chalicelib.contracts.generations import MAX_ANSWERS
from tests import exported_models
from tests.exported_models import Files
from tests.exported_texts import classifier, scorer, speaker

CONTEXT = 1_024
"""Tokens that the models hold: eight times what a tiny preset does."""


MOST_TEXTS = 256
"""Texts that a call may have labelled."""


class Telling:
    """Calls about texts; `post` sends one and raises if it is refused."""

    def __init__(self, caller: Caller, post: Callable[[str, Any], Any]) -> None:
        self._caller = caller
        self._post = post

    def small(self) -> None:
        """Have a few words written, one answer scored, and one text labelled."""
        self._tell(4, ["warm ."])
        self.label(["warm room"])

    def large(self) -> None:
        """Have the models' maximum number of words written and of answers scored."""
        self._tell(CONTEXT - 1, ["warm " * (CONTEXT - 2)] * MAX_ANSWERS)
        self.label(["warm " * CONTEXT] * MOST_TEXTS)

    def _tell(self, most: int, answers: list[str]) -> None:
        self._serve("aligned-lm", speaker({"the": "the"}, context=CONTEXT))
        self._serve("preferences-reward", scorer(context=CONTEXT))
        said = {"prompt": "the", "max_tokens": most, "allow_truncation": True}
        self._ask({"model": "aligned-lm", **said})
        scoring = {"task": "scoring", "prompt": "the", "answers": answers}
        self._ask({"model": "preferences-reward", **scoring})

    def label(self, texts: list[str]) -> None:
        """Have texts labelled."""
        self._serve("foldoc-topics", classifier(context=CONTEXT))
        self._ask({"task": "classification", "model": "foldoc-topics", "texts": texts})

    def _serve(self, name: str, files: Files) -> None:
        cloud = self._caller.cloud
        bucket = cloud.outputs["DocumentsBucketName"]
        exported_models.serve(cloud.client("s3"), bucket, files, name)

    def _ask(self, body: dict[str, Any]) -> None:
        self._post("/v1/generations", body)
