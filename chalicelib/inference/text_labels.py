"""Classes of texts, and of the spans in them, by an exported encoder with a head.

A model is a graph that takes tokens and a mask of [count, length], with a `tokenizer.json` and the
constant `context`, the most tokens that it reads. `classifier` returns logits [count, labels], with
the constants `labels` and `temperature`; `tagger` logits [count, length, tags], with `tags`. Texts
are cut to `context` as those were that it was trained on. Each is run alone, so that what is said
of it does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.generations import TaggedSpan
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.tag_spans import labels_of_tags, span_characters, tag_spans
from chalicelib.inference.tokenizers import TOKENIZER_FILE, check_unicode

if TYPE_CHECKING:
    from tokenizers import Encoding

_CLASSIFIER, _TAGGER = "classifier", "tagger"
_INPUTS = ("tokens", "mask")
_OUTPUT = "logits"
_TRIAL = "a"


@dataclass(frozen=True, slots=True)
class TextLabels:
    """The labels of one text: shares of all labels, or spans; and how many tokens were read."""

    shares: tuple[float, ...]
    spans: tuple[TaggedSpan, ...]
    tokens: int
    truncated: bool


class TextLabeller:
    """A model that tells the class of a text, or the spans in it."""

    def __init__(self, exported: ExportedModel) -> None:
        """Open the graph and the tokenizer. Raises `ModelFailure`."""
        from tokenizers import Tokenizer

        signature = exported.signature
        self._name = signature.name
        self.tags_spans = _TAGGER in signature.graphs
        graph = _TAGGER if self.tags_spans else _CLASSIFIER
        self._session = exported.graph_taking(graph, _INPUTS, "labels texts")
        self._context = int(exported.numbers("context")["context"])
        self.labels = _labels(exported, "tags" if self.tags_spans else "labels")
        self._outputs = len(self.labels)
        self._temperature = 1.0
        if self.tags_spans:
            self.labels = _labels_of_tags(self.labels, self._name)
        else:
            self._temperature = exported.numbers("temperature")["temperature"]
        try:
            self._tokenizer = Tokenizer.from_str(exported.file(TOKENIZER_FILE).decode())
        except ModelFailure:
            raise
        except Exception as error:  # the library raises plain Exception for a bad file
            raise ModelFailure(
                f"{TOKENIZER_FILE} of {self._name} is no tokenizer: {error}"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self._context)
        self._tokenizer.encode_special_tokens = True  # a caller's text is never a special token

    def label(self, text: str, field: str) -> TextLabels:
        """Return what the model says of a text.

        Raises:
            InvalidInput: the text is invalid Unicode, or has nothing to read.
            ModelFailure: the model failed.
        """
        check_unicode(text, field)
        found = self._tokenizer.encode(text)
        if all(found.special_tokens_mask):
            raise InvalidInput(f"{field}: says nothing; leave it out.", field=field)
        logits = self._run(found.ids)
        truncated = bool(found.overflowing)
        if not self.tags_spans:
            shares = tuple(_softmax(logits[0] / self._temperature).tolist())
            return TextLabels(shares, (), len(found.ids), truncated)
        return TextLabels((), self._spans(text, found, logits[0]), len(found.ids), truncated)

    def _spans(
        self, text: str, found: Encoding, logits: NDArray[np.float64]
    ) -> tuple[TaggedSpan, ...]:
        shares = _softmax(logits)
        tags = shares.argmax(axis=1)
        spans = []
        for span in tag_spans(found.offsets, tags.tolist()):
            start, end = span_characters(text, found.offsets, span)
            told = shares[np.arange(len(tags)), tags][span.first : span.last + 1]
            spans.append(
                TaggedSpan(
                    start=start,
                    end=end,
                    label=self.labels[span.kind],
                    text=text[start:end],
                    share=float(told.min()),
                )
            )
        return tuple(spans)

    def _run(self, ids: Sequence[int]) -> NDArray[np.float64]:
        """Return the logits of one text."""
        tokens = np.array([ids], np.int64)
        try:
            (output,) = self._session.run(
                [_OUTPUT], {"tokens": tokens, "mask": np.ones_like(tokens)}
            )
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        logits = np.asarray(output, np.float64)
        wanted = (1, len(ids), self._outputs) if self.tags_spans else (1, self._outputs)
        if logits.shape != wanted or not np.isfinite(logits).all():
            raise ModelFailure(
                f"{self._name} gave logits of {logits.shape} and not of {wanted}, or what are no"
                " numbers."
            )
        return logits


def open_model(exported: ExportedModel) -> TextLabeller:
    """Open an exported classifier or tagger of texts and try it.

    Raises:
        ModelFailure: the model is neither, or it failed.
    """
    model = TextLabeller(exported)
    model.label(_TRIAL, "texts.0")
    return model


def _labels(exported: ExportedModel, name: str) -> tuple[str, ...]:
    value = exported.signature.constants.get(name)
    if (
        not isinstance(value, tuple)
        or not value
        or not all(isinstance(each, str) for each in value)
    ):
        raise ModelFailure(f"{exported.signature.name} has no list of names called {name}.")
    return tuple(map(str, value))


def _labels_of_tags(tags: Sequence[str], name: str) -> tuple[str, ...]:
    try:
        return labels_of_tags(tags)
    except ValueError as error:
        raise ModelFailure(f"{name}: {error}.") from error


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    told = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(told / told.sum(axis=-1, keepdims=True))
