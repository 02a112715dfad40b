"""A language model put to work on a prompt of ours, within what it can read."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.contracts import Hit, Turn
from chalicelib.generation.catalogue import Catalogue
from chalicelib.generation.prompts import Prompt, answer_prompt, rewrite_prompt
from chalicelib.generation.tokens import estimated_tokens
from chalicelib.query_ports import ChatModel, ChatReply

MAX_ANSWER_TOKENS = 160
MAX_QUESTION_TOKENS = 96
"""Of a question that is rewritten."""
_REMEMBERED = 3
"""Turns of a conversation that a rewritten question may take its words from."""
_MOST_OF_A_TURN = 600
_CAUTIOUS_CONTEXT = 4_096
_CAUTIOUS_PASSAGES = 1_500
"""Of a model that is not in the catalogue."""
_FENCE_TOKENS = 24
"""Of the two lines around a passage."""


def random_fence() -> str:
    """Return a fence that nobody can foresee."""
    return f"@@{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model reads: `context_tokens` at most, prompt and answer together, and of passages
    `passage_tokens` with profit.
    """

    context_tokens: int
    passage_tokens: int


def limits_of(catalogue: Catalogue, model_id: str) -> Limits:
    """Return the limits that the catalogue gives for a Bedrock model, or cautious ones."""
    model = catalogue.bedrock_model(model_id)
    if model is None or not model.context_tokens:
        return Limits(_CAUTIOUS_CONTEXT, _CAUTIOUS_PASSAGES)
    return Limits(model.context_tokens, model.passage_tokens)


@dataclass(frozen=True, slots=True)
class PassageWriter:
    """Asks `chat` for answers from passages, and for questions that stand alone."""

    chat: ChatModel
    limits: Limits
    fence: Callable[[], str] = random_fence

    def room(self, question: str, language: str = "") -> int:
        """Return the tokens that passages may take beside the question and the answer."""
        prompt = answer_prompt(question, (), self.fence(), language)
        free = self.limits.context_tokens - _tokens(prompt) - MAX_ANSWER_TOKENS
        return max(0, min(self.limits.passage_tokens, free))

    def tokens(self, passage: Hit) -> int:
        """Return what `passage` takes of the room, fence and all."""
        return estimated_tokens(passage.text) + _FENCE_TOKENS

    def write(self, question: str, passages: Sequence[Hit], language: str = "") -> ChatReply:
        """Return the model's reply to the passages, all of them, and the question."""
        prompt = answer_prompt(question, passages, self.fence(), language)
        return self.chat.reply(prompt.system, prompt.user, MAX_ANSWER_TOKENS)

    def rewrite(self, question: str, history: Sequence[Turn]) -> ChatReply:
        """Return the model's reply to the question after the last turns of `history`."""
        turns = [
            Turn(question=turn.question[:_MOST_OF_A_TURN], answer=turn.answer[:_MOST_OF_A_TURN])
            for turn in history[-_REMEMBERED:]
        ]
        prompt = rewrite_prompt(question, turns, self.fence())
        return self.chat.reply(prompt.system, prompt.user, MAX_QUESTION_TOKENS)


def _tokens(prompt: Prompt) -> int:
    return estimated_tokens(f"{prompt.system}\n{prompt.user}")
