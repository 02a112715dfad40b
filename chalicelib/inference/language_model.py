"""Completion of texts with an exported language model.

A model is the graph `decoder` with a `tokenizer.json` and the constants of `DecoderShape`;
`models/networks/decoder.py` writes them. The graph itself puts the tokens of a tuned prompt before
each prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chalicelib.errors import ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.text_decoder import DecoderShape, Floats, TokenIds, TokenSampling, decode
from chalicelib.inference.tokenizers import TextTokenizer

_GRAPH = "decoder"
_INPUTS = ("tokens", "past_keys", "past_values")
_OUTPUTS = ("logits", "keys", "values")


@dataclass(frozen=True, slots=True)
class TextCompletion:
    """The text after a prompt, how it ended, and how many tokens were read and written."""

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int


class LanguageModel:
    """A language model that continues texts."""

    def __init__(self, exported: ExportedModel) -> None:
        """Open the graph and the tokenizer. Raises `ModelFailure`."""
        self._name = exported.signature.name
        self._session = exported.graph_taking(_GRAPH, _INPUTS, "goes on with a text")
        self._shape = DecoderShape.of(exported.signature.constants)
        self._tokenizer = TextTokenizer.of(exported)

    def complete(
        self, prompt: str, sampling: TokenSampling, stop: Sequence[str] = ()
    ) -> TextCompletion:
        """Return the text after `prompt`, up to the first of `stop`, which is left out.

        Raises:
            InvalidInput: the model does not know a word of the prompt, or the prompt is too long;
                the message names the limit.
            ModelFailure: the model failed.
        """
        prompt_ids = self._tokenizer.ids(prompt, "prompt")
        ids: list[int] = []
        for token in decode(self._step, self._shape, prompt_ids, sampling):
            ids.append(token)
            text = self._tokenizer.text(ids) if stop else ""
            if stops := [offset for stop_text in stop if (offset := text.find(stop_text)) >= 0]:
                return TextCompletion(
                    text[: min(stops)].lstrip(), "stop", len(prompt_ids), len(ids)
                )
        cut = len(ids) == min(sampling.most, self._shape.room(len(prompt_ids)))
        text = self._tokenizer.text(ids).lstrip()
        return TextCompletion(text, "length" if cut else "stop", len(prompt_ids), len(ids))

    def smoke_test(self) -> None:
        """Write one token. Raises `ModelFailure`."""
        list(decode(self._step, self._shape, [self._shape.vocabulary - 1], TokenSampling(most=1)))

    def _step(
        self, tokens: TokenIds, keys: Floats, values: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Run the decoder for one step."""
        inputs = dict(zip(_INPUTS, (tokens, keys, values), strict=True))
        try:
            logits, new_keys, new_values = self._session.run(list(_OUTPUTS), inputs)
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return np.asarray(logits, np.float32), new_keys, new_values


def open_model(exported: ExportedModel) -> LanguageModel:
    """Open an exported language model and try it on one token.

    Raises:
        ModelFailure: the model is no language model, or it failed.
    """
    model = LanguageModel(exported)
    model.smoke_test()
    return model
