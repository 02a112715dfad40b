"""Questions and answers about pictures as rows of tokens, with labels and decoding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from models.data.questions import QuestionSplit
from models.data.words import (
    BEGIN,
    DECODE,
    END,
    IMAGE,
    IS,
    NEXT,
    PAD,
    UNKNOWN,
    WholeWordTokenizer,
    question_text,
)
from models.failures import BadData

IGNORED = -100
"""The label of a token that is not learned, torch's own."""

CAPTION = 0
"""The first kind of question asks for a caption; question k for attribute k - 1."""

_CAPTIONS = 0.5
"""Share of the questions that ask for a caption, which is the longest answer."""

TOKENS_A_PICTURE = 4
"""Tokens of a picture and its answer in a row of `answer_rows`."""

Next = Callable[[torch.Tensor], torch.Tensor]
"""Given tokens [n, length], returns logits of the next, [n, vocabulary]."""


def answer_tokens(
    words: WholeWordTokenizer, part: QuestionSplit, attributes: tuple[str, ...]
) -> torch.Tensor:
    """Return the token of each attribute's answer, [n, attributes]."""
    rows = [[words.ids(each.answers[name])[0] for name in attributes] for each in part.described]
    return torch.tensor(rows)


def question_rows(
    words: WholeWordTokenizer, part: QuestionSplit, attributes: tuple[str, ...]
) -> torch.Tensor:
    """Return every question with its answer as tokens, [n, 1 + attributes, length].

    A row is `question <s> answer </s>` and then padding; the question for a caption is empty.
    """
    begun = [words.ids(question_text(name)) for name in attributes]
    rows = []
    for each in part.described:
        told = [[BEGIN, *words.ids(each.caption), END]]
        for name, start in zip(attributes, begun, strict=True):
            told.append([*start, BEGIN, *words.ids(each.answers[name]), END])
        rows.append(told)
    longest = max(len(row) for told in rows for row in told)
    return torch.tensor([[row + [PAD] * (longest - len(row)) for row in told] for told in rows])


def draw_questions(questions: torch.Tensor) -> torch.Tensor:
    """Return one question for each row of `question_rows`, [n, length]; half ask for captions."""
    count, kinds, _ = questions.shape
    other = torch.randint(CAPTION + 1, kinds, (count,))
    kind = other.masked_fill(torch.rand(count) < _CAPTIONS, CAPTION).to(questions.device)
    return questions[torch.arange(count, device=questions.device), kind]


def answer_labels(tokens: torch.Tensor) -> torch.Tensor:
    """Return the labels of rows of `question_rows`: what comes after BEGIN, up to END."""
    begun = (tokens == BEGIN).cumsum(1) > 0
    return tokens.where(begun & (tokens != BEGIN) & (tokens != PAD), IGNORED)


def answer_rows(told: torch.Tensor) -> torch.Tensor:
    """Return `<image> is ANSWER ;` for every answer, [n, 4 count], of answers [n, count]."""
    row = torch.full((*told.shape, TOKENS_A_PICTURE), IMAGE, device=told.device)
    row[..., 1], row[..., 2], row[..., 3] = IS, told, NEXT
    return row.flatten(1)


def row_answer_labels(tokens: torch.Tensor) -> torch.Tensor:
    """Return the labels of rows of `answer_rows`: the answers."""
    before = functional.pad(tokens[:, :-1], (1, 0), value=PAD)
    return tokens.where(before == IS, IGNORED)


def shuffle_answers(told: torch.Tensor, lost: float) -> torch.Tensor:
    """Shuffle the answers of each row, and replace a share `lost` of them by UNKNOWN.

    Chance comes from torch's global stream.
    """
    order = torch.rand(told.shape).argsort(1).to(told.device)
    missing = (torch.rand(told.shape) < lost).to(told.device)
    return told.gather(1, order).masked_fill(missing, UNKNOWN)


def recombine_answers(
    told: torch.Tensor, questions: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return answers [n, attributes] and question rows with answers of other rows.

    Each attribute's is of another row, so that every combination comes. Chance comes from torch's
    global stream.
    """
    count, attributes = told.shape
    rows = torch.randint(count, (count, attributes)).to(told.device)
    other = told.gather(0, rows)
    found = questions
    for before, after in zip(told.T, other.T, strict=True):
        said = questions == before[:, None, None]
        found = torch.where(said, after[:, None, None], found)
    return other, found


def answer_associations(told: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Return how much more often two answers come together than by chance, [vocabulary] squared.

    It is the pointwise mutual information of tokens in rows [n, attributes], in nats, with one
    picture added to counts and to what is expected. Answers for one attribute have 0.
    """
    there = functional.one_hot(told, vocabulary).float()
    of_attribute, pictures = there.amax(0), there.sum(1)
    alike = (of_attribute.T @ of_attribute) > 0
    counts = pictures.T @ pictures
    expected = counts.diagonal()[:, None] * counts.diagonal() / len(told)
    return torch.log((counts + 1) / (expected + 1)).masked_fill(alike, 0.0)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log p of labels [n, length], by the logits of the token before each."""
    told, wanted = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    return functional.cross_entropy(told, wanted, ignore_index=IGNORED)


def decoding_prompts(captions: torch.Tensor) -> torch.Tensor:
    """Return caption rows with DECODE in place of BEGIN, which requests generation."""
    return captions.where(captions != BEGIN, DECODE)


@torch.no_grad()
def decode_greedily(after: Next, prompt: torch.Tensor, most: int) -> torch.Tensor:
    """Return the likeliest tokens after prompts [n, length], [n, at most `most`].

    After END there is PAD alone.
    """
    tokens, written = prompt, []
    ended = torch.zeros(len(prompt), dtype=torch.bool)
    for _ in range(most):
        chosen = after(tokens).argmax(1).masked_fill(ended, PAD)
        written.append(chosen)
        ended = ended | (chosen == END)
        if bool(ended.all()):
            break
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
    return torch.stack(written, dim=1)


def require_length(length: int, context: int) -> None:
    """Raise BadData if rows have more tokens than a language model's context."""
    if length > context:
        raise BadData(
            f"The longest row has {length} tokens and context is {context}; shorten the captions, "
            "or set a greater context, in what it begins from as well."
        )
