"""Pictures and texts in one space, by the two towers of an exported CLIP, and classes by names.

A. Radford et al., https://arxiv.org/abs/2103.00020. Pictures and texts go through a tower one at a
time, so that each has the same vector, to the bit, in whatever company. No output of a graph is
taken on trust: sizes, lengths and numbers are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.exported import FILE
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported import Exported
from chalicelib.inference.png import encoded
from chalicelib.inference.scale import Numbers, Scale
from chalicelib.inference.seeing import square
from chalicelib.inference.tokens import hold_to_unicode

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

IMAGE, TEXT = "image_tower", "text_tower"
TOKENIZER = "tokenizer.json"
_OUTPUT = "vector"
_MARKS = 2
"""Tokens of every text: that of its beginning and that of its end."""
_TOLERANCE = 1e-3
"""How far the length of a vector may be from 1."""


class Towers:
    """A model that has a vector of length 1 for pictures and texts.

    Constants: `side`, `channels`, `lowest` and `highest` of a picture, `vector`, how many numbers a
    vector has, `prompt_tokens`, the longest text, `temperature`, what similarities are divided by,
    and `templates`, the prompts of a class.
    """

    def __init__(self, exported: Exported) -> None:
        """Open both graphs. Raises `ModelFailure`."""
        self._name = exported.signature.name
        graphs = exported.signature.graphs
        if missing := {IMAGE, TEXT} - graphs.keys():
            raise ModelFailure(
                f"{self._name} has the graphs {', '.join(sorted(graphs))}, and lacks"
                f" {' and '.join(sorted(missing))}: it embeds no pictures."
            )
        self._scale = Scale.of(exported)
        found = exported.numbers("vector", "prompt_tokens", "temperature")
        self.dimensions, self._longest = int(found["vector"]), int(found["prompt_tokens"])
        self._temperature = found["temperature"]
        if self._temperature <= 0:
            raise ModelFailure(f"{self._name} has the temperature {self._temperature:g}, not > 0.")
        self.templates = _templates(exported)
        self._tokenizer = _tokenizer(exported)
        self._image, self._text = exported.graph(IMAGE), exported.graph(TEXT)

    def picture(self, data: bytes, field: str) -> Numbers:
        """Return the vector of a picture, [dimensions].

        Raises:
            InvalidInput: it cannot be read; the error names `field`.
            ModelFailure: the model failed.
        """
        pixels = square(data, self._scale.side, self._scale.channels, field)
        return self._run(self._image, {"image": self._scale.numbers(pixels[None])})

    def text(self, text: str, field: str) -> tuple[Numbers, int]:
        """Return the vector of a text, [dimensions], and how many tokens it has.

        Raises:
            InvalidInput: it says nothing, is no Unicode, or is too long; the error names `field`.
            ModelFailure: the model failed.
        """
        ids = self._ids(text, field)
        tokens, mask = (np.zeros((1, self._longest), np.int64) for _ in range(2))
        tokens[0, : len(ids)], mask[0, : len(ids)] = ids, 1
        return self._run(self._text, {"tokens": tokens, "mask": mask}), len(ids)

    def labels(self, labels: Sequence[str], templates: Sequence[str]) -> tuple[Numbers, int]:
        """Return a vector for each label, [labels, dimensions], and how many tokens were read.

        Each is the mean of those of all templates with the label in the place of `{}`, brought to
        length 1 again (section 3.1.4).

        Raises:
            InvalidInput, ModelFailure: as `text` does.
        """
        tokens = 0
        means = np.zeros((len(labels), self.dimensions), np.float32)
        for at, label in enumerate(labels):
            for template in templates:
                vector, count = self.text(template.replace("{}", label), f"labels.{at}")
                means[at] += vector
                tokens += count
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        if not lengths.all():
            raise ModelFailure(f"{self._name} has no mean of what the templates say.")
        return means / lengths, tokens

    def shares(self, picture: Numbers, labels: Numbers) -> NDArray[np.float64]:
        """Return how likely each label is of a picture, [labels], together 1: softmax of the
        cosines divided by the temperature that the model learned.
        """
        logits = labels.astype(np.float64) @ picture.astype(np.float64) / self._temperature
        shares = np.exp(logits - logits.max())
        found: NDArray[np.float64] = shares / shares.sum()
        return found

    def _ids(self, text: str, field: str) -> list[int]:
        hold_to_unicode(text, field)
        ids: list[int] = self._tokenizer.encode(text).ids
        if len(ids) <= _MARKS:
            raise InvalidInput(f"{field} has nothing to embed.", field=field)
        if len(ids) > self._longest:
            raise InvalidInput(
                f"{field} has {len(ids)} tokens, and {self._name} reads {self._longest}; leave"
                " words out.",
                field=field,
                limit=f"{self._longest} tokens",
            )
        return ids

    def _run(self, session: InferenceSession, fed: Mapping[str, Any]) -> Numbers:
        try:
            (found,) = session.run([_OUTPUT], dict(fed))
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self._name} failed: {error}") from error
        vector = np.asarray(found, np.float32)
        whole = vector.shape == (1, self.dimensions) and bool(np.isfinite(vector).all())
        if not whole or abs(float(np.linalg.norm(vector)) - 1) > _TOLERANCE:
            raise ModelFailure(
                f"{self._name} gave {vector.shape} and not a vector of {self.dimensions} numbers"
                " whose length is 1."
            )
        one: Numbers = vector[0]
        return one


def opened(exported: Exported) -> Towers:
    """Return the model that was exported, once it has embedded a picture and a text.

    Raises:
        ModelFailure: it is none that embeds, or did not.
    """
    towers = Towers(exported)
    vectors, _ = towers.labels(["a", "b"], towers.templates)
    scale = Scale.of(exported)
    black = encoded(np.zeros((scale.side, scale.side, scale.channels), np.uint8))
    towers.shares(towers.picture(black, "image"), vectors)
    return towers


def _templates(exported: Exported) -> tuple[str, ...]:
    found = exported.signature.constants.get("templates")
    if not isinstance(found, tuple) or not all("{}" in str(each) for each in found):
        raise ModelFailure(
            f"{exported.signature.name} has no templates in its {FILE}, each with {{}} in it."
        )
    return tuple(str(each) for each in found)


def _tokenizer(exported: Exported) -> Tokenizer:
    """Return the tokenizer, without the cutting and filling that it may do by itself."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(exported.file(TOKENIZER))
    except ModelFailure:
        raise
    except Exception as error:  # the library raises bare Exception for a bad file
        raise ModelFailure(f"{TOKENIZER} of {exported.signature.name} is none: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a text that spells a mark is no mark
    return tokenizer
