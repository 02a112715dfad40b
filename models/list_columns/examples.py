"""Tables of generated documents, with the columns in which the fields of their lists stand."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.document import SourceDocument
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.layout.tables import LayoutTable
from chalicelib.extraction.leaves import Leaf, ListField
from chalicelib.extraction.list_columns import MIN_FIT, table_evidence
from chalicelib.extraction.list_evidence import TableEvidence, column_features
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.values.readers import value_reader
from models.datasets.business_documents import GeneratedDocument, TrueList
from models.field_ranker.examples import read_generated

UNKNOWN_TITLES, NO_TITLES, UNKNOWN_NAMES = 0.3, 0.1, 0.1
"""Shares of the tables whose titles nobody knows, that have none, and of names nobody knows."""
_MOST = 0.6
"""Share of the true cells that stand in a column if it is that of their field."""
_CONSONANTS, _VOWELS = "bdfghklmnprstvz", "aeiouy"
_MARGIN = 1.0


@dataclass(frozen=True, slots=True)
class ColumnExample:
    """A list and a table with the features of each pair of columns, and those that are one."""

    features: NDArray[np.float64]
    possible: NDArray[np.bool_]
    same: NDArray[np.bool_]


def column_examples(
    generated: GeneratedDocument, comparison: LabelComparison, rng: random.Random
) -> Iterator[ColumnExample]:
    """Yield the tables of a document as both layouts show them, some with unknown titles."""
    if not generated.lists:
        return
    schema = extraction_schema(generated.schema)
    reader = DocumentReader(schema, read_generated(generated), comparison)
    for of, true in zip(schema.lists, generated.lists, strict=True):
        readers = tuple(map(value_reader, of.columns))
        leaves = _with_unknown_names(of.columns, rng)
        for layout in reader.layouts:
            tables = [table for table in layout.tables() if table.data]
            hits = [_hits(reader.document, of, true, table) for table in tables]
            best = max(range(len(tables)), key=lambda at: hits[at].sum(), default=0)
            for at, table in enumerate(tables):
                evidence = table_evidence(of.columns, table, readers, reader.hints)
                evidence = _with_unknown_titles(evidence, rng)
                same = _same(hits[at], true) if at == best else np.zeros(hits[at].shape, bool)
                yield ColumnExample(
                    column_features(leaves, evidence, comparison), evidence.fits >= MIN_FIT, same
                )


def _hits(
    document: SourceDocument, of: ListField, true: TrueList, table: LayoutTable
) -> NDArray[np.float64]:
    """Return how many true cells of each field stand in each column, (fields, columns)."""
    hits = np.zeros((len(of.columns), len(table.columns)))
    for at in range(len(table.columns)):
        middles = _middles(document, table, at)
        for cells in true.rows:
            for n, cell in enumerate(cells):
                place = next(iter(cell.places), None)
                if place is not None and place.page in middles:
                    hits[n, at] += _inside(middles[place.page], place.boxes[0])
    return hits


def _middles(
    document: SourceDocument, table: LayoutTable, column: int
) -> dict[int, NDArray[np.float64]]:
    """Return the middles of the cells of a column by page, (cells, 2)."""
    spans = [span for row in table.data if (cell := row.cells[column]) for span in cell.spans]
    found: dict[int, list[tuple[float, float]]] = {}
    for span in spans:
        for left, top, right, bottom in document.boxes(span):
            found.setdefault(span.page, []).append(((left + right) / 2, (top + bottom) / 2))
    return {page: np.array(each) for page, each in found.items()}


def _inside(points: NDArray[np.float64], box: tuple[float, float, float, float]) -> bool:
    x, y = points[:, 0], points[:, 1]
    across = (x >= box[0] - _MARGIN) & (x <= box[2] + _MARGIN)
    return bool((across & (y >= box[1] - _MARGIN) & (y <= box[3] + _MARGIN)).any())


def _same(hits: NDArray[np.float64], true: TrueList) -> NDArray[np.bool_]:
    there = np.sum([[cell.value is not None for cell in cells] for cells in true.rows], axis=0)
    enough = hits >= _MOST * np.maximum(1, there)[:, None]
    found: NDArray[np.bool_] = enough & (hits == hits.max(axis=1, keepdims=True))
    return found


def _with_unknown_titles(evidence: TableEvidence, rng: random.Random) -> TableEvidence:
    drawn = rng.random()
    if drawn < NO_TITLES:
        return replace(evidence, titles=[""] * len(evidence.titles))
    if drawn < NO_TITLES + UNKNOWN_TITLES:
        return replace(evidence, titles=[_unknown(rng) if t else "" for t in evidence.titles])
    return evidence


def _with_unknown_names(leaves: Sequence[Leaf], rng: random.Random) -> tuple[Leaf, ...]:
    return tuple(
        replace(leaf, names=(_unknown(rng),)) if rng.random() < UNKNOWN_NAMES else leaf
        for leaf in leaves
    )


def _unknown(rng: random.Random) -> str:
    """Return a word that no language has."""
    syllables = range(rng.randint(2, 4))
    return "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in syllables).title()
