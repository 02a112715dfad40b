"""Scores of answers by the exported graph of a reward model, which needs no torch and no base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from chalicelib.contracts.model_manifest import FILE, TEMPLATE_FILE, Signature
from chalicelib.inference.chat_template import ChatTemplate, ChatTokenizer
from models.data.text import TOKENIZER
from models.failures import BadData
from models.networks.chat_tokens import ChatEncoder
from models.networks.exported_decoder import open_session
from models.training.recipe_code import Constant
from models.training_data.rows import ChatTurn

_MARKS = ("bos_token", "eos_token", "unk_token", "pad_token")
_AT_ONCE = 16
"""Rows that are scored together."""


@dataclass(frozen=True, slots=True)
class ExportedScorer:
    """A reward model as its version's files have it: a graph, a tokenizer and a chat template."""

    session: onnxruntime.InferenceSession
    encoder: ChatEncoder
    context: int

    @classmethod
    def of(cls, folder: Path, constants: Mapping[str, Constant]) -> ExportedScorer:
        """Open the files of a folder, with the constants of its manifest."""
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        marks = {name: str(constants[name]) for name in _MARKS if name in constants}
        template = ChatTemplate((folder / TEMPLATE_FILE).read_text(encoding="utf-8"), marks)
        end = str(tokenizer.id_to_token(int(str(constants["end"]))))
        encoder = ChatEncoder(ChatTokenizer(tokenizer, template), template, end)
        return cls(open_session(folder / "scorer.onnx"), encoder, int(str(constants["context"])))

    @classmethod
    def read(cls, folder: Path) -> ExportedScorer:
        """Open a registered version. Raises BadData for files that are none of a reward model."""
        try:
            signature = Signature.model_validate_json((folder / FILE).read_bytes())
            return cls.of(folder, signature.constants)
        except (OSError, ValueError, KeyError) as error:
            raise BadData(
                f"{folder} is no reward model with its graph: {error}. Name a registered version "
                "of reward_tuning."
            ) from error

    def rewards(self, prompts: Sequence[Sequence[ChatTurn]], answers: Sequence[str]) -> list[float]:
        """Return a reward of each answer, 0 to 1: the logistic function of its score.

        It is bounded, so that no single answer can be worth any price. Answers are taken to have
        come to their end. One that can't be read, such as one too long or with the text of a
        special token, earns nothing.
        """
        rows = [self._tokens(*each) for each in zip(prompts, answers, strict=True)]
        scores = iter(self.scores([row for row in rows if row]))
        return [_logistic(next(scores)) if row else 0.0 for row in rows]

    def _tokens(self, prompt: Sequence[ChatTurn], answer: str) -> tuple[int, ...]:
        try:
            turns = [*prompt, ChatTurn(role="assistant", content=answer)]
            found = self.encoder.encode(turns).ids
        except (BadData, ValueError):
            return ()
        return found if len(found) <= self.context else ()

    def scores(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Return the score of each row of tokens."""
        found = [0.0] * len(rows)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        for first in range(0, len(order), _AT_ONCE):
            chosen = order[first : first + _AT_ONCE]
            longest = len(rows[chosen[-1]])
            tokens = np.zeros((len(chosen), longest), np.int64)
            mask = np.zeros((len(chosen), longest), np.int64)
            for place, row in enumerate(chosen):
                tokens[place, : len(rows[row])] = rows[row]
                mask[place, : len(rows[row])] = 1
            (scores,) = self.session.run(["score"], {"tokens": tokens, "mask": mask})
            for row, score in zip(chosen, scores, strict=True):
                found[row] = float(score)
        return found


def _logistic(score: float) -> float:
    return float(np.exp(-np.logaddexp(0.0, -score)))
