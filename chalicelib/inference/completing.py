"""Texts by exported language models: what follows a prompt, until it ends or is to stop.

A model is the graph `decoder` with a `tokenizer.json` and the constants that `decoding.Shape` reads
(`models/networks/decoding_graph.py` makes them). What a tuned prompt became goes before each
prompt by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chalicelib.errors import ModelFailure
from chalicelib.inference.decoding import Choice, Floats, Shape, Tokens, decode
from chalicelib.inference.exported import Exported
from chalicelib.inference.text_tokens import TextTokens

GRAPH = "decoder"
_INPUTS = ("tokens", "past_keys", "past_values")
_OUTPUTS = ("logits", "keys", "values")


@dataclass(frozen=True, slots=True)
class Completed:
    """What follows a prompt, how it ended, and how many tokens were read and written."""

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int


class Completer:
    """A model that goes on with texts."""

    def __init__(self, exported: Exported) -> None:
        """Open it. Raises `ModelFailure`."""
        self._name = exported.signature.name
        self._session = exported.graph_taking(GRAPH, _INPUTS, "goes on with a text")
        self._shape = Shape.of(exported.signature.constants)
        self._tokens = TextTokens.of(exported)

    def complete(self, prompt: str, choice: Choice, stop: Sequence[str] = ()) -> Completed:
        """Return what follows `prompt`, up to the first of `stop`, which is left out.

        Raises:
            InvalidInput: the model does not know a word of the prompt, or does not hold so many
                tokens; the message names the limit.
            ModelFailure: the model failed.
        """
        read = self._tokens.ids(prompt, "prompt")
        written: list[int] = []
        for token in decode(self._step, self._shape, read, choice):
            written.append(token)
            text = self._tokens.text(written) if stop else ""
            if found := [at for each in stop if (at := text.find(each)) >= 0]:
                return Completed(text[: min(found)].lstrip(), "stop", len(read), len(written))
        cut = len(written) == min(choice.most, self._shape.room(len(read)))
        text = self._tokens.text(written).lstrip()
        return Completed(text, "length" if cut else "stop", len(read), len(written))

    def try_it(self) -> None:
        """Have one token written. Raises `ModelFailure`."""
        list(decode(self._step, self._shape, [self._shape.vocabulary - 1], Choice(most=1)))

    def _step(self, tokens: Tokens, keys: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
        fed = dict(zip(_INPUTS, (tokens, keys, values), strict=True))
        try:
            logits, new_keys, new_values = self._session.run(list(_OUTPUTS), fed)
        except Exception as error:  # onnxruntime's own errors share no narrower base
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return np.asarray(logits, np.float32), new_keys, new_values


def opened(exported: Exported) -> Completer:
    """Return the model that was exported, once it has written a token.

    Raises:
        ModelFailure: it is none that writes, or did not.
    """
    completer = Completer(exported)
    completer.try_it()
    return completer
