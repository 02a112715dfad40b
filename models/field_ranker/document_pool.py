"""Drawing and reading the documents that the ranker learns from, in one process or several."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from typing import TYPE_CHECKING, Generic, TypeVar

from chalicelib.errors import InvalidInput
from models.field_ranker.chunk_cache import ChunkCache
from models.field_ranker.decoys import with_decoys
from models.field_ranker.examples import CachingEmbedder, DocumentExample, document_example
from models.field_ranker.label_knowledge import Knowledges
from models.field_ranker.looks import LearnedDocument, learned_document
from models.field_ranker.splits import LearningSplit, is_strange, split_documents

if TYPE_CHECKING:
    from chalicelib.extraction.label_similarity import LabelEmbedder

Drawn = TypeVar("Drawn")
CHUNK = 20
"""Documents that a process reads before it hands them back."""


@dataclass(frozen=True, slots=True)
class DrawnDocuments:
    """The documents of the splits as they are read, in this process or in several.

    Attributes:
        known: What labels are compared by, without an embedder.
        opened: Opens the embedding model, in each process of its own: it cannot be handed over.
        workers: Processes that read.
        seed: Of the documents.
        cache: Keeps what was read.
    """

    known: Knowledges
    opened: Callable[[], LabelEmbedder]
    workers: int
    seed: int
    cache: ChunkCache

    def to_learn(self, split: LearningSplit, count: int) -> list[LearnedDocument]:
        """Return what is kept of a split's documents to learn from."""
        read = partial(_to_learn, split, self.seed)
        return self._drawn(_Draw(f"to learn {split} {self.seed}", read), count)

    def examples(self, split: LearningSplit, count: int) -> list[DocumentExample]:
        """Return a split's documents as they were read, with their lists."""
        read = partial(_examples, split, self.seed)
        return self._drawn(_Draw(f"examples {split} {self.seed}", read), count)

    def _drawn(self, draw: _Draw[Drawn], count: int) -> list[Drawn]:
        chunks = [range(at, min(count, at + CHUNK)) for at in range(0, count, CHUNK)]
        if self.workers == 1:
            known = self.known.with_embedder(CachingEmbedder(self.opened()))
            return list(chain.from_iterable(draw(self.cache, known, each) for each in chunks))
        opening = (self.cache, self.known, self.opened)
        with ProcessPoolExecutor(self.workers, get_context("spawn"), _open, opening) as pool:
            return list(chain.from_iterable(pool.map(partial(_in_process, draw), chunks)))


@dataclass(frozen=True, slots=True)
class _Draw(Generic[Drawn]):
    """A way to draw and read documents, and what it is called in the cache."""

    name: str
    read: Callable[[Sequence[int], Knowledges], list[Drawn]]

    def __call__(
        self, cache: ChunkCache, known: Knowledges, numbers: Sequence[int]
    ) -> Sequence[Drawn]:
        return cache.kept(f"{self.name} {numbers}", lambda: self.read(numbers, known))


_opened: list[tuple[ChunkCache, Knowledges]] = []


def _open(cache: ChunkCache, bare: Knowledges, opened: Callable[[], LabelEmbedder]) -> None:
    _opened.append((cache, bare.with_embedder(CachingEmbedder(opened()))))


def _in_process(draw: _Draw[Drawn], numbers: Sequence[int]) -> Sequence[Drawn]:
    return draw(*_opened[0], numbers)


def _to_learn(
    split: LearningSplit, seed: int, numbers: Sequence[int], known: Knowledges
) -> list[LearnedDocument]:
    return [learned_document(each) for each in _read(split, seed, numbers, known)]


def _examples(
    split: LearningSplit, seed: int, numbers: Sequence[int], known: Knowledges
) -> list[DocumentExample]:
    return list(_read(split, seed, numbers, known, with_lists=True))


def _read(
    split: LearningSplit,
    seed: int,
    numbers: Sequence[int],
    known: Knowledges,
    *,
    with_lists: bool = False,
) -> Iterator[DocumentExample]:
    """Yield documents; one whose schema is ambiguous by chance is left out."""
    for at, drawn in zip(numbers, split_documents(split, seed, numbers), strict=True):
        rng = random.Random(f"{split} {seed} {at}")  # noqa: S311 - nothing secret
        strange = is_strange(split, at)
        own = known.strange[drawn.language.partition("_")[0]] if strange else known.half
        with contextlib.suppress(InvalidInput):
            yield document_example(
                with_decoys(drawn, rng), own, rng, with_lists=with_lists, is_strange=strange
            )
