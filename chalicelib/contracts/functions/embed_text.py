"""Input and output of the function `embed_text`."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract


class EmbedTextRequest(Contract):
    """The input of `embed_text`. A text too long for the model is refused, or, where `truncate`
    says so, embedded by its beginning. An empty `model` means the default one; another is of the
    catalogue, a version by `pinned_name`, or what the stage serves by its name. With a `question`,
    each text is also compared with it word by word; the default model alone can do that.
    """

    texts: tuple[str, ...] = Field(min_length=1)
    model: str = ""
    truncate: bool = False
    question: str = ""
    correlation_id: str = ""


class TextMatch(Contract):
    """How near a text comes to a question.

    `cosine` is that of their vectors. `words` has, for each word of the question, its cosine with
    the nearest word of the text, and `own` the same for each word of the text. Words are those of
    `retrieval.text.terms.tokenize`; a text without a word leaves zeros.
    """

    cosine: float
    words: tuple[float, ...]
    own: tuple[float, ...]


class EmbedTextResult(Contract):
    """The output of `embed_text`: one unit vector a text, in order.

    `matches` are the texts' comparisons with the question, if there is one.
    """

    vectors: tuple[tuple[float, ...], ...]
    model: str
    tokens: int = Field(ge=0)
    seconds: float = Field(ge=0)
    matches: tuple[TextMatch, ...] = ()
