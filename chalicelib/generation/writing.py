"""A language model put to work on a prompt of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.contracts import Hit
from chalicelib.generation.prompts import answer_prompt
from chalicelib.query_ports import ChatModel, ChatReply

MAX_ANSWER_TOKENS = 160
MAX_PASSAGES = 2
"""What a small model keeps apart; the passages come with the best evidence first."""


@dataclass(frozen=True, slots=True)
class PassageWriter:
    """Answers questions from passages by asking `chat` once."""

    chat: ChatModel

    def write(self, question: str, passages: Sequence[Hit]) -> ChatReply:
        """Return the model's reply to the best passages and the question."""
        prompt = answer_prompt(question, passages[:MAX_PASSAGES])
        return self.chat.reply(prompt.system, prompt.user, MAX_ANSWER_TOKENS)
