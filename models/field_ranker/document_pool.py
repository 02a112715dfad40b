"""Drawing and reading the documents that the ranker learns from, in one process or several."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from chalicelib.errors import InvalidInput
from models.field_ranker.decoys import with_decoys
from models.field_ranker.examples import (
    CachingEmbedder,
    DocumentExample,
    LabelKnowledge,
    document_example,
)
from models.field_ranker.looks import LearnedDocument, learned_document
from models.field_ranker.splits import LearningSplit, split_documents

if TYPE_CHECKING:
    from chalicelib.extraction.label_similarity import LabelEmbedder

Drawn = TypeVar("Drawn")
CHUNK = 20
"""Documents that a process reads before it hands them back."""


@dataclass(frozen=True, slots=True)
class DrawnDocuments:
    """The documents of the splits as they are read, in this process or in several.

    Attributes:
        known: What labels are compared by.
        opened: Opens the embedding model, in each process of its own: it cannot be handed over.
        workers: Processes that read.
        seed: Of the documents.
    """

    known: LabelKnowledge
    opened: Callable[[], LabelEmbedder]
    workers: int
    seed: int

    def to_learn(self, split: LearningSplit, count: int) -> list[LearnedDocument]:
        """Return what is kept of a split's documents to learn from."""
        return self._drawn(partial(_to_learn, split, self.seed), count)

    def examples(self, split: LearningSplit, count: int) -> list[DocumentExample]:
        """Return a split's documents as they were read, with their lists."""
        return self._drawn(partial(_examples, split, self.seed), count)

    def _drawn(
        self, draw: Callable[[Sequence[int], LabelKnowledge], list[Drawn]], count: int
    ) -> list[Drawn]:
        if self.workers == 1:
            return draw(range(count), self.known)
        chunks = [range(at, min(count, at + CHUNK)) for at in range(0, count, CHUNK)]
        bare = replace(self.known, embedder=None)
        context = get_context("spawn")
        with ProcessPoolExecutor(self.workers, context, _open, (bare, self.opened)) as pool:
            return list(chain.from_iterable(pool.map(partial(_in_process, draw), chunks)))


_opened: list[LabelKnowledge] = []


def _open(bare: LabelKnowledge, opened: Callable[[], LabelEmbedder]) -> None:
    _opened.append(replace(bare, embedder=CachingEmbedder(opened())))


def _in_process(
    draw: Callable[[Sequence[int], LabelKnowledge], list[Drawn]], numbers: Sequence[int]
) -> list[Drawn]:
    return draw(numbers, _opened[0])


def _to_learn(
    split: LearningSplit, seed: int, numbers: Sequence[int], known: LabelKnowledge
) -> list[LearnedDocument]:
    return [learned_document(each) for each in _read(split, seed, numbers, known)]


def _examples(
    split: LearningSplit, seed: int, numbers: Sequence[int], known: LabelKnowledge
) -> list[DocumentExample]:
    return list(_read(split, seed, numbers, known, with_lists=True))


def _read(
    split: LearningSplit,
    seed: int,
    numbers: Sequence[int],
    known: LabelKnowledge,
    *,
    with_lists: bool = False,
) -> Iterator[DocumentExample]:
    """Yield documents; one whose schema is ambiguous by chance is left out."""
    for at, drawn in zip(numbers, split_documents(split, seed, numbers), strict=True):
        rng = random.Random(f"{split} {seed} {at}")  # noqa: S311 - nothing secret
        with contextlib.suppress(InvalidInput):
            yield document_example(with_decoys(drawn, rng), known, rng, with_lists=with_lists)
