"""Conversations as tokens, with the places of the answers that are learned.

A conversation is what the base's own chat template makes of it. An answer is learned from its first
token to the mark that ends it; what the user and the system say is read and not learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from chalicelib.errors import HeadraceError
from chalicelib.inference.chat_template import ChatTemplate, ChatTokenizer, Messages
from models.failures import BadData
from models.training_data.rows import ChatTurn

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class ChatTokens:
    """The tokens of a conversation; `learned` is 1 for those of its answers, else 0.

    `answer` is where the last answer begins: what stands before is the prompt.
    """

    ids: tuple[int, ...]
    learned: tuple[int, ...]
    answer: int


def as_messages(turns: Sequence[ChatTurn]) -> Messages:
    """Return the turns of a row as a template reads them."""
    return [{"role": turn.role, "content": turn.content} for turn in turns]


@dataclass(frozen=True, slots=True)
class ChatEncoder:
    """Encodes conversations by a base's tokenizer and template.

    `end` is the text of the token that ends a text, for a template that does not end its answers.
    """

    tokenizer: ChatTokenizer
    template: ChatTemplate
    end: str

    def encode(self, turns: Sequence[ChatTurn]) -> ChatTokens:
        """Return the tokens of a conversation that ends with the assistant.

        The last prompt is encoded by itself, as it will be when the model is asked.

        Raises:
            BadData: the template refuses the conversation, or changes what stands before an answer
                once that is there, so that a model would learn another prompt than it is asked; or
                a turn has the text of a special token of the base, which would be learned as one.
        """
        for turn in turns:
            if (end := self.tokenizer.next_mark(turn.content, 0)) is not None:
                raise BadData(
                    f"A turn of the {turn.role} has the text of a special token of the base, up to "
                    f"character {end}: {turn.content[max(0, end - _SHOWN) : end]!r}. Leave it out."
                )
        try:
            return self._encode(as_messages(turns))
        except HeadraceError as error:
            raise BadData(error.message) from error

    def _encode(self, messages: Messages) -> ChatTokens:
        prompt, answer = self._last_turn(messages)
        # An answer that the template shows otherwise later, such as without its thoughts, is not
        # learned there.
        earlier = [
            (start, end)
            for start, end, told in self._earlier_turns(messages)
            if prompt.startswith(told[:end])
        ]
        before, learned = self._marked(prompt, earlier)
        written = self.tokenizer.marked_ids(answer)
        return ChatTokens((*before, *written), (*learned, *(1 for _ in written)), len(before))

    def _last_turn(self, messages: Messages) -> tuple[str, str]:
        prompt = self.template.render(messages[:-1], prompt=True)
        told = self.template.render(messages, prompt=False)
        if not told.startswith(prompt):
            raise BadData(
                "The chat template writes another prompt once its answer is there, so that a model "
                "would learn one text and be asked by another. Take a template that keeps the "
                "prompt."
            )
        end = self._end_of_answer(told, len(prompt), messages[-1]["content"])
        return prompt, told[len(prompt) : end] if end else told[len(prompt) :] + self.end

    def _earlier_turns(self, messages: Messages) -> Iterator[tuple[int, int, str]]:
        for number, message in enumerate(messages[:-1]):
            if message["role"] == "assistant":
                start = len(self.template.render(messages[:number], prompt=True))
                told = self.template.render(messages[: number + 1], prompt=False)
                end = self._end_of_answer(told, start, message["content"])
                yield start, end or len(told), told

    def _end_of_answer(self, told: str, start: int, content: str) -> int | None:
        """Return where the mark ends that ends an answer, or None if the template has none."""
        written = content.strip()
        after = told.find(written, start)
        return self.tokenizer.next_mark(told, after + len(written) if after >= 0 else start)

    def _marked(self, text: str, spans: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
        """Return the tokens of a prompt, and 1 for those within earlier answers."""
        if not spans:
            ids = self.tokenizer.marked_ids(text)
            return ids, [0] * len(ids)
        found = self.tokenizer.marked_offsets(text)
        learned = [
            int(any(start <= begin and end <= stop for start, stop in spans))
            for _, (begin, end) in found
        ]
        return [token for token, _ in found], learned


class ChatRows:
    """Conversations as rows of equal length, with the places of the tokens that are learned.

    `tokens` is [n, length]. `places` [n, k] are those before the learned tokens, by which these are
    predicted, and `weights` [n, k] is 0 where a row has fewer; so every batch has one shape.
    """

    def __init__(self, rows: Sequence[ChatTokens], pad: int) -> None:
        """Lay rows out; `pad` fills them."""
        self.sizes = [len(row.ids) for row in rows]
        longest = max(self.sizes)
        most = max(sum(row.learned) for row in rows)
        self.tokens = torch.full((len(rows), longest), pad)
        self.places = torch.zeros((len(rows), most), dtype=torch.long)
        self.weights = torch.zeros((len(rows), most))
        for number, row in enumerate(rows):
            self.tokens[number, : len(row.ids)] = torch.tensor(row.ids)
            where = [place - 1 for place, learned in enumerate(row.learned) if learned]
            self.places[number, : len(where)] = torch.tensor(where)
            self.weights[number, : len(where)] = 1.0


def require_lengths(rows: Mapping[str, Sequence[ChatTokens]], limit: int) -> None:
    """Raise BadData if a conversation has more tokens than `limit`, by the name of its part."""
    for part, each in rows.items():
        sizes = [(len(row.ids), number) for number, row in enumerate(each, 1)]
        count = sum(size > limit for size, _ in sizes)
        if count:
            tokens, number = max(sizes)
            raise BadData(
                f"{part}.jsonl: {count} rows have more tokens than max_tokens, {limit}; the "
                f"longest is line {number} with {tokens}. Shorten them, or set max_tokens."
            )
