"""Completion of texts and conversations with an exported language model.

A model is the graph `decoder` with a `tokenizer.json` and the constants of `DecoderShape`;
`models/networks/decoder.py` writes them. The tokens of a tuned prompt go before each prompt. A
model with a `chat_template.jinja` also answers conversations. One that adapts a base shares the
graph of that with other versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from chalicelib.contracts.model_manifest import TEMPLATE_FILE
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.adapters import Adapter, SharedGraphs, read_prefix
from chalicelib.inference.chat_template import (
    ChatTemplate,
    ChatTokenizer,
    Messages,
)
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.text_decoder import DecoderShape, Floats, TokenIds, TokenSampling, decode
from chalicelib.inference.tokenizers import TextTokenizer, read_tokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_GRAPH = "decoder"
_INPUTS = ("tokens", "past_keys", "past_values")
_OUTPUTS = ("logits", "keys", "values")
_MARKS = ("bos_token", "eos_token", "unk_token", "pad_token")
"""Constants of the manifest that a chat template may name."""


@dataclass(frozen=True, slots=True)
class TextCompletion:
    """The text after a prompt, how it ended, and how many tokens were read and written."""

    text: str
    finish: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int


class LanguageModel:
    """A language model that continues texts, and conversations if it has a chat template."""

    def __init__(self, exported: ExportedModel, graphs: SharedGraphs | None = None) -> None:
        """Open the graph, the tokenizer and what adapts them. Raises `ModelFailure`."""
        self._name = exported.signature.name
        self._session = _open_graph(exported, graphs or SharedGraphs())
        self._shape = DecoderShape.of(exported.signature.constants)
        self._adapter = Adapter.of(exported)
        self._start = read_prefix(exported, self._shape)
        self._tokenizer = TextTokenizer.of(exported)
        self._chat = chat_tokenizer(exported)

    def complete(
        self,
        given: str | Messages,
        sampling: TokenSampling,
        stop: Sequence[str] = (),
        is_late: Callable[[], bool] = lambda: False,
    ) -> TextCompletion:
        """Return what follows a prompt or messages, up to the first of `stop`, which is left out.

        `is_late` is asked after each token, and ends a text as its limit does: what was written
        until then is returned.

        Raises:
            InvalidInput: the model does not know a word of the prompt, or the prompt is too long;
                the message names the limit. It has no chat template for messages, or that refuses
                them.
            ModelFailure: the model failed.
        """
        prompt_ids = self._prompt(given)
        tokens = decode(self._step, self._shape, prompt_ids, sampling, self._start)
        most = min(sampling.most, self._shape.room(len(prompt_ids)))
        return write_text(tokens, self._tokenizer.text, (len(prompt_ids), most), stop, is_late)

    def smoke_test(self) -> None:
        """Write one token. Raises `ModelFailure`."""
        first, one = [self._shape.vocabulary - 1], TokenSampling(most=1)
        list(decode(self._step, self._shape, first, one, self._start))

    def _prompt(self, given: str | Messages) -> list[int]:
        """Return the tokens of a prompt or of messages."""
        if isinstance(given, str):
            return self._tokenizer.ids(given, "prompt")
        if self._chat is None:
            raise InvalidInput(
                f"{self._name} has no chat template and goes on with one text; send one message of"
                " the user.",
                field="messages",
            )
        return self._chat.prompt(given)

    def _step(
        self, tokens: TokenIds, keys: Floats, values: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Run the decoder for one step."""
        inputs = dict(zip(_INPUTS, (tokens, keys, values), strict=True))
        try:
            options = self._adapter.options if self._adapter is not None else None
            logits, new_keys, new_values = self._session.run(list(_OUTPUTS), inputs, options)
        except Exception as error:  # onnxruntime's errors have no narrower base class
            raise ModelFailure(f"{self._name} failed: {error}") from error
        return np.asarray(logits, np.float32), new_keys, new_values


def write_text(
    tokens: Iterator[int],
    as_text: Callable[[Sequence[int]], str],
    sizes: tuple[int, int],
    stop: Sequence[str],
    is_late: Callable[[], bool],
) -> TextCompletion:
    """Return the text of tokens as they come, up to the first of `stop`, which is left out.

    Args:
        tokens: what a decoder writes.
        as_text: turns tokens into text.
        sizes: the tokens that were read, and the most that may be written.
        stop: texts that end it.
        is_late: asked after each token; ends a text as its limit does.
    """
    read, most = sizes
    ids: list[int] = []
    late = False
    for token in tokens:
        ids.append(token)
        text = as_text(ids) if stop else ""
        if stops := [offset for stop_text in stop if (offset := text.find(stop_text)) >= 0]:
            return TextCompletion(text[: min(stops)].lstrip(), "stop", read, len(ids))
        if late := is_late():
            break
    cut = late or len(ids) == most
    return TextCompletion(as_text(ids).lstrip(), "length" if cut else "stop", read, len(ids))


def _open_graph(exported: ExportedModel, graphs: SharedGraphs) -> InferenceSession:
    def opened() -> InferenceSession:
        return exported.graph_taking(_GRAPH, _INPUTS, "goes on with a text")

    spec = exported.signature.graphs.get(_GRAPH)
    return graphs.get(spec.content_sha256, opened) if spec is not None else opened()


def chat_tokenizer(exported: ExportedModel) -> ChatTokenizer | None:
    """Return the tokenizer of conversations, of a model that has a chat template."""
    if TEMPLATE_FILE not in exported.signature.files:
        return None
    source = exported.file(TEMPLATE_FILE).decode()
    constants = exported.signature.constants
    marks = {name: constants[name] for name in _MARKS if name in constants}
    template = ChatTemplate(source, {name: str(mark) for name, mark in marks.items()})
    return ChatTokenizer(read_tokenizer(exported), template)


def open_model(exported: ExportedModel, graphs: SharedGraphs | None = None) -> LanguageModel:
    """Open an exported language model and try it on one token.

    Args:
        exported: the model.
        graphs: the graphs that the process has open, which the model may share.

    Raises:
        ModelFailure: the model is no language model, or it failed.
    """
    model = LanguageModel(exported, graphs)
    model.smoke_test()
    return model
