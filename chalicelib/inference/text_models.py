"""Models that write text: those that go on with one, and those that write for one that they read.

Which of both an exported model is, its graphs tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from chalicelib.inference import language_model, sequence_to_sequence
from chalicelib.inference.adapters import SharedGraphs
from chalicelib.inference.chat_template import Messages
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.language_model import TextCompletion
from chalicelib.inference.text_decoder import TokenSampling


class TextModel(Protocol):
    """A model that answers a prompt or messages by a text."""

    def complete(
        self,
        given: str | Messages,
        sampling: TokenSampling,
        stop: Sequence[str] = (),
        is_late: Callable[[], bool] = lambda: False,
    ) -> TextCompletion:
        """Return the answer; raises `InvalidInput` and `ModelFailure`."""


def open_model(exported: ExportedModel, graphs: SharedGraphs | None = None) -> TextModel:
    """Open an exported model that writes text, and try it on one token.

    Args:
        exported: the model.
        graphs: the graphs that the process has open, which a decoder may share.

    Raises:
        ModelFailure: it is no such model, or it failed.
    """
    if sequence_to_sequence.ENCODER in exported.signature.graphs:
        return sequence_to_sequence.open_model(exported)
    return language_model.open_model(exported, graphs)
