"""Rows of a text that is read and a text that is written, as tokens of a base.

The text that is read is what a chat template makes of a system text and one message of the user:
the base's own marks around both, as its tokenizer puts them. The template comes with the model, so
that it reads what it learned from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import torch
from tokenizers import Tokenizer

from chalicelib.errors import HeadraceError
from chalicelib.inference.chat_template import ChatTemplate, ChatTokenizer
from models.failures import BadData
from models.networks.base_decoder import BaseTokenizer
from models.networks.chat_tokens import as_messages
from models.training_data.rows import ChatExample, ChatTurn

NO_TOKEN = -100
"""Fills rows of tokens; torch's cross-entropy leaves it out."""

_SHOWN = 40
_TEMPLATE = """\
{%% set given = messages[1:] if messages[0].role == 'system' else messages %%}
{%% if given | length != 1 %%}
{{ raise_exception('one message of the user is read, after a system message at most; there are ' ~ \
given | length) }}
{%% endif %%}
{{ %(before)s }}\
{%% if messages[0].role == 'system' %%}{{ messages[0].content | trim ~ ' ' }}{%% endif %%}\
{{ given[0].content | trim }}{{ %(after)s }}"""


@dataclass(frozen=True, slots=True)
class SequenceTokens:
    """The tokens of the text that is read, and of the one that is written."""

    source: tuple[int, ...]
    target: tuple[int, ...]


class SequenceEncoder:
    """Encodes rows by the tokenizer of a base, with the marks that it puts around a text.

    `template` is the chat template by which the model is asked.
    """

    def __init__(self, base: BaseTokenizer) -> None:
        """Find the marks of a tokenizer.

        Raises:
            BadData: it does not end a text by a mark, so that nothing would end an answer.
        """
        self._before, self._after = marks_around(base.tokenizer)
        if base.end not in self._after:
            end = base.tokenizer.id_to_token(base.end)
            raise BadData(
                f"The tokenizer of the base does not put {end} after a text, so that no answer "
                "would end. Take a tokenizer.json with its post-processor."
            )
        names = [
            "".join(map(str, map(base.tokenizer.id_to_token, each)))
            for each in (self._before, self._after)
        ]
        self.template = _TEMPLATE % {"before": json.dumps(names[0]), "after": json.dumps(names[1])}
        self.chat = ChatTokenizer(base.tokenizer, ChatTemplate(self.template, base.marks))

    def encode(self, turns: Sequence[ChatTurn]) -> SequenceTokens:
        """Return the tokens of a row: a message of the user, and the assistant's.

        Raises:
            BadData: it has more messages, the text of a special token, or an answer that the
                tokenizer cannot write.
        """
        spoken = [turn for turn in turns if turn.role != "system"]
        if len(spoken) != 2:
            raise BadData(
                f"There are {len(spoken)} messages of user and assistant, and one of each is "
                "learned. Give each question and its answer a row of their own, or use the recipe "
                "instruction_tuning."
            )
        for turn in turns:
            if (end := self.chat.next_mark(turn.content, 0)) is not None:
                raise BadData(
                    f"The text of the {turn.role} has a special token of the base, up to "
                    f"character {end}: {turn.content[max(0, end - _SHOWN) : end]!r}. Leave it out."
                )
        try:
            source = self.chat.prompt(as_messages(turns[:-1]))
        except HeadraceError as error:
            raise BadData(error.message) from error
        return SequenceTokens(tuple(source), (*self._before, *self._written(turns[-1].content)))

    def _written(self, content: str) -> tuple[int, ...]:
        wanted = content.strip()
        ids = self.chat.plain_ids(wanted)
        told = self.chat.text(ids).strip()
        if told != wanted:
            at = sum(
                1
                for _ in takewhile(lambda pair: pair[0] == pair[1], zip(told, wanted, strict=False))
            )
            raise BadData(
                f"The base cannot write the answer: from character {at + 1} on, "
                f"{wanted[at : at + _SHOWN]!r} would be {told[at : at + _SHOWN]!r}. Its tokenizer "
                "lacks a character, or joins spaces: change the answer, or take another base."
            )
        return (*ids, *self._after)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, without special ones."""
        return self.chat.text(ids).strip()


def marks_around(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the special tokens that a tokenizer puts before and after a text."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = False
    found = tokenizer.encode("a")
    plain = [at for at, special in enumerate(found.special_tokens_mask) if not special]
    return tuple(found.ids[: plain[0]]), tuple(found.ids[plain[-1] + 1 :])


def encode_rows(
    encoder: SequenceEncoder, rows: Sequence[ChatExample], part: str, most: Mapping[str, int]
) -> list[SequenceTokens]:
    """Return rows as tokens; `most` has the limits of `source` and `target` by their settings.

    Raises:
        BadData: a row does not fit; the message has its line, the limit and the fix.
    """
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(encoder.encode(row.messages))
        except BadData as error:
            raise BadData(f"{part}.jsonl, line {number}: {error}") from error
    read = [len(each.source) for each in found]
    written = [len(each.target) for each in found]
    for sizes, (name, limit) in zip((read, written), most.items(), strict=True):
        count = sum(size > limit for size in sizes)
        if count:
            longest = max(sizes)
            verb = "read" if sizes is read else "written"
            raise BadData(
                f"{part}.jsonl: {count} rows have a text to be {verb} of more tokens than {name}, "
                f"{limit}; the longest is line {sizes.index(longest) + 1} with {longest}. Shorten "
                f"them, or set {name}."
            )
    return found


class SequenceRows:
    """Rows as tensors: `source` [n, length] and `target` [n, length], filled with NO_TOKEN.

    `sizes` has the longer of both of each row.
    """

    def __init__(self, rows: Sequence[SequenceTokens]) -> None:
        """Lay rows out."""
        self.sizes = [max(len(row.source), len(row.target)) for row in rows]
        self.source = _padded([row.source for row in rows])
        self.target = _padded([row.target for row in rows])


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    found = torch.full((len(rows), max(map(len, rows))), NO_TOKEN)
    for number, row in enumerate(rows):
        found[number, : len(row)] = torch.tensor(row)
    return found
