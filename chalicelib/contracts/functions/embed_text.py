"""Input and output of the function `embed_text`."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract


class EmbedTextRequest(Contract):
    """The input of `embed_text`. A text too long for the model is refused, or, where `truncate`
    says so, embedded by its beginning. An empty `model` means the default one.
    """

    texts: tuple[str, ...] = Field(min_length=1)
    model: str = ""
    truncate: bool = False
    correlation_id: str = ""


class EmbedTextResult(Contract):
    """The output of `embed_text`: one unit vector a text, in order."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    tokens: int = Field(ge=0)
    seconds: float = Field(ge=0)
