"""magika: a small model that tells a file's type from its bytes."""

from __future__ import annotations

from magika import Magika

from functions.read_document.filetype import Guess, Identify


def identifier() -> Identify:
    """Load the model and return what asks it."""
    model = Magika()

    def identify(data: bytes) -> Guess:
        output = model.identify_bytes(data).output
        return Guess(output.label, output.mime_type, output.description, output.is_text)

    return identify
