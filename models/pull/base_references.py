"""References to base models, as `--base` takes them.

smollm2-135m-instruct            one that is made here: see shipped_bases.py
hf:OWNER/NAME, hf:OWNER/NAME@REV a repository of a hub
./FOLDER, /FOLDER                a folder in transformers' layout
s3://BUCKET/PREFIX/              the same in S3
GROUP/VERSION, arn:…             a registered version that holds whole weights
new:t5-mini                      one that begins anew with the training's rows: see new_bases.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.failures import TrainingFailure

ReferenceKind = Literal["shipped", "hub", "folder", "s3", "registered", "new"]

NEW = "new:"
"""What a reference to a base that begins anew starts with."""

_HUB = re.compile(r"hf:(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[^\s@]+))?")
_REGISTERED = re.compile(r"arn:aws[\w-]*:sagemaker:\S+:model-package/\S+|[a-z0-9-]+/[0-9]+")
FORMS = (
    "hf:OWNER/NAME@REVISION, s3://BUCKET/PREFIX/, a folder (./FOLDER), GROUP/VERSION, or new:NAME"
)


class NoBase(TrainingFailure):
    """A base model is unknown, or cannot be fetched; the message says what would help."""


@dataclass(frozen=True, slots=True)
class BaseReference:
    """A reference that was read: `name` is what is named; `revision` is a hub's, or empty."""

    kind: ReferenceKind
    name: str
    revision: str = ""

    def __str__(self) -> str:
        """Return it as it is written."""
        at = f"@{self.revision}" if self.revision else ""
        if self.kind == "hub":
            return f"hf:{self.name}{at}"
        return f"{NEW}{self.name}" if self.kind == "new" else self.name


def parse_reference(text: str) -> BaseReference:
    """Read a reference. Raises NoBase for `hf:` or `s3:` that is malformed."""
    if text.startswith("hf:"):
        match = _HUB.fullmatch(text)
        if match is None:
            raise NoBase(
                f"{text!r} is no repository: write hf:OWNER/NAME or hf:OWNER/NAME@REVISION."
            )
        return BaseReference("hub", match["name"], match["revision"] or "")
    if text.startswith(NEW):
        return BaseReference("new", text.removeprefix(NEW))
    if text.startswith("s3:"):
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        if not text.startswith("s3://") or not bucket or not prefix:
            raise NoBase(f"{text!r} is no location: write s3://BUCKET/PREFIX/.")
        return BaseReference("s3", f"{text.rstrip('/')}/")
    if text.startswith((".", "/", "~")) or ("/" in text and Path(text).is_dir()):
        return BaseReference("folder", text)
    if _REGISTERED.fullmatch(text):
        return BaseReference("registered", text)
    return BaseReference("shipped", text)
