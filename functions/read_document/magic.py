"""magika: a small model that tells a file's type from its bytes."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from functions.read_document.filetype import Guess

if TYPE_CHECKING:
    from magika import Magika


def identify(data: bytes) -> Guess:
    """Return what the model takes `data` for; it is loaded at the first question."""
    output = _model().identify_bytes(data).output
    return Guess(output.label, output.mime_type, output.description, output.is_text, output.group)


@functools.cache
def _model() -> Magika:
    from magika import Magika

    return Magika()
