"""Texts written for texts by an exported encoder-decoder, such as T5.

A model is the graphs `encoder` and `decoder`, a `tokenizer.json`, a `chat_template.jinja` and the
constants of its sizes; `models/networks/tuned_sequence_export.py` writes them. The text is read
once: the encoder gives the keys and values by which each layer of the decoder attends to it.
A. Vaswani et al., https://arxiv.org/abs/1706.03762
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.chat_template import Messages
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.language_model import TextCompletion, chat_tokenizer, write_text
from chalicelib.inference.text_decoder import DecoderShape, Floats, TokenIds, TokenSampling, decode

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ENCODER: Final = "encoder"
_DECODER = "decoder"
_READ, _TOLD = ("tokens",), ("keys", "values")
_INPUTS = ("tokens", "past_keys", "past_values", "source_keys", "source_values")
_OUTPUTS = ("logits", "keys", "values")


class SequenceModel:
    """A model that reads one message, after a system message at most, and writes another text."""

    def __init__(self, exported: ExportedModel) -> None:
        """Open both graphs and the tokenizer. Raises `ModelFailure`."""
        self._name = exported.signature.name
        self._encoder = exported.graph_taking(ENCODER, _READ, "reads a text")
        self._decoder = exported.graph_taking(_DECODER, _INPUTS, "writes for a text")
        sizes = ("source_tokens", "target_tokens", "start")
        self._most, target, self._start = (int(each) for each in exported.numbers(*sizes).values())
        constants = {**exported.signature.constants, "context": target + 1, "prefix": 0}
        self._shape = DecoderShape.of(constants)
        chat = chat_tokenizer(exported)
        if chat is None:
            raise ModelFailure(f"{self._name} has no chat template; export it with one.")
        self._chat = chat

    def complete(
        self,
        given: str | Messages,
        sampling: TokenSampling,
        stop: Sequence[str] = (),
        is_late: Callable[[], bool] = lambda: False,
    ) -> TextCompletion:
        """Return what the model writes for a text or messages, up to the first of `stop`.

        `is_late` is asked after each token, and ends a text as its limit does: what was written
        until then is returned.

        Raises:
            InvalidInput: there is not one message of the user, or the text is too long; the message
                names the limit.
            ModelFailure: the model failed.
        """
        asked = [{"role": "user", "content": given}] if isinstance(given, str) else given
        source = self._chat.prompt(asked)
        if len(source) > self._most:
            raise InvalidInput(
                f"The text has {len(source)} tokens, and {self._name} reads {self._most} at most.",
                field="prompt" if isinstance(given, str) else "messages",
                limit=f"{self._most} tokens",
            )
        most = min(sampling.most, self._shape.room(1))
        sizes = (len(source), most)
        return write_text(self._written(source, sampling), self._chat.text, sizes, stop, is_late)

    def smoke_test(self) -> None:
        """Write one token. Raises `ModelFailure`."""
        list(self._written([self._shape.end], TokenSampling(most=1)))

    def _written(self, source: Sequence[int], sampling: TokenSampling) -> Iterator[int]:
        """Yield the tokens that are written for a text."""
        read, told = self._run(self._encoder, _TOLD, {"tokens": np.array([source], np.int64)})

        def step(tokens: TokenIds, keys: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
            fed: list[TokenIds | Floats] = [tokens, keys, values, read, told]
            given = dict(zip(_INPUTS, fed, strict=True))
            logits, new_keys, new_values = self._run(self._decoder, _OUTPUTS, given)
            return np.asarray(logits, np.float32), new_keys, new_values

        return decode(step, self._shape, [self._start], sampling)

    def _run(
        self,
        session: InferenceSession,
        outputs: Sequence[str],
        fed: Mapping[str, TokenIds | Floats],
    ) -> list[Floats]:
        try:
            return list(session.run(list(outputs), dict(fed)))
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error


def open_model(exported: ExportedModel) -> SequenceModel:
    """Open an exported encoder-decoder and try it on one token.

    Raises:
        ModelFailure: the model is none, or it failed.
    """
    model = SequenceModel(exported)
    model.smoke_test()
    return model
