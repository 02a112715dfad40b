"""Fields of generated documents with their candidates, and which of these are right."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.candidates import FieldCandidate, find_candidates
from chalicelib.extraction.document import SourceDocument, Span, source_document
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.label_similarity import LabelComparison, LabelEmbedder
from chalicelib.extraction.schema import extraction_schema
from functions.read_document.pdf import pdf_document
from functions.read_document.text.language import language_of
from models.field_ranker.network import FieldLists

if TYPE_CHECKING:
    from chalicelib.documents.words import Edges
    from chalicelib.extraction.document_reader import UnrankedField
    from chalicelib.extraction.label_subwords import SubwordVectors
    from chalicelib.extraction.label_vocabulary import LabelVocabulary
    from chalicelib.extraction.leaves import Leaf
    from models.datasets.business_documents.generated_document import (
        GeneratedDocument,
        JsonScalar,
        TrueValue,
    )

WITHOUT_WORDS = 0.33
WITH_OWN_NAMES = 0.33
NAMED = 0.7
"""Share of the fields that get the document's own name where any do."""
NAMING = frozenset({"left", "same_cell", "above"})
_TIME = re.compile(r"\d\d:\d\d(?::00)?")
_PHONE = re.compile(r"\+\d{7,15}")
_PHONE_DIGITS = 7
"""Digits that a number has without those of its country, which a reading adds, at least."""
_SHARED = 0.5
"""Share of a true box that the box of a reading covers, at least, if both are of one place."""


@dataclass(frozen=True, slots=True)
class CachingEmbedder:
    """An embedder that keeps all vectors: generated documents share most of their labels."""

    inner: LabelEmbedder
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> NDArray[np.float32]:
        """Return one vector of unit length for each text, (texts, dimensions)."""
        new = [text for text in dict.fromkeys(texts) if text not in self.vectors]
        if new:
            found = self.inner.embed(new, truncate=truncate)
            self.vectors.update(zip(new, found, strict=True))
        return np.array([self.vectors[text] for text in texts])


@dataclass(frozen=True, slots=True)
class FieldExample:
    """A field of a document with its candidates, and whether each is right."""

    field: UnrankedField
    right: tuple[bool, ...]
    truth: TrueValue


@dataclass(frozen=True, slots=True)
class DocumentExample:
    """A generated document as it was read, and its fields outside of lists."""

    generated: GeneratedDocument
    reader: DocumentReader
    fields: tuple[FieldExample, ...]


def read_generated(generated: GeneratedDocument, *, with_words: bool = True) -> SourceDocument:
    """Return a document as production reads it.

    Without words it is as one of a format without geometry, such as HTML; one that was scanned has
    no words in either case, as nothing is recognised here.
    """
    extract, _ = pdf_document.read(generated.pdf)
    return source_document(
        extract.pages,
        extract.words if with_words else None,
        media_type=extract.media_type,
        language=language_of(extract.pages),
    )


def document_example(
    generated: GeneratedDocument,
    embedder: LabelEmbedder,
    vocabulary: LabelVocabulary,
    subwords: SubwordVectors,
    rng: random.Random,
) -> DocumentExample:
    """Return a document with the candidates of its fields and which of them are right.

    A third of the documents is read without the places of words. In another third, some fields are
    also called what the document calls them, as those do who know their documents.
    """
    schema = extraction_schema(generated.schema)
    document = read_generated(generated, with_words=rng.random() > WITHOUT_WORDS)
    comparison = LabelComparison(embedder, vocabulary, subwords)
    reader = DocumentReader(schema, document, comparison)
    found = find_candidates(document, reader.layouts, schema.leaves, reader.hints, subwords)
    truth = {each.pointer: each for each in generated.truth}
    right = [
        rights(document, truth[leaf.pointer], candidates)
        for leaf, candidates in zip(schema.leaves, found, strict=True)
    ]
    if rng.random() < WITH_OWN_NAMES:
        leaves = tuple(
            _with_own_name(leaf, candidates, flags, rng)
            for leaf, candidates, flags in zip(schema.leaves, found, right, strict=True)
        )
        reader = DocumentReader(replace(schema, leaves=leaves), document, comparison)
    fields = tuple(
        FieldExample(unranked, flags, truth[unranked.leaf.pointer])
        for unranked, flags in zip(reader.with_features(found), right, strict=True)
    )
    return DocumentExample(generated, reader, fields)


def rights(
    document: SourceDocument, truth: TrueValue, candidates: Sequence[FieldCandidate]
) -> tuple[bool, ...]:
    """Return which candidates are a true value: equal and in its place, or equal if none is."""
    alike = [same_value(each.match.value, truth.value) for each in candidates]
    there = [
        is_alike and any(stands_at(document, span, truth) for span in each.spans)
        for is_alike, each in zip(alike, candidates, strict=True)
    ]
    return tuple(there if any(there) else alike)


def _with_own_name(
    leaf: Leaf, candidates: Sequence[FieldCandidate], right: Sequence[bool], rng: random.Random
) -> Leaf:
    """Return a field with the label that its value has in the document as one more name."""
    labels = [
        label.text
        for is_right, each in zip(right, candidates, strict=True)
        for label in each.labels
        if is_right and label.relation in NAMING and not any(map(str.isdigit, label.text))
    ]
    if not labels or rng.random() > NAMED:
        return leaf
    return replace(leaf, names=(labels[0], *leaf.names))


def stands_at(document: SourceDocument, span: Span, truth: TrueValue) -> bool:
    """Return whether a span covers most of one of the boxes of a true value."""
    return any(
        span.page == place.page
        and any(_covers(box, true) for box in document.boxes(span) for true in place.boxes)
        for place in truth.places
    )


def _covers(box: Edges, true: Edges) -> bool:
    width = min(box[2], true[2]) - max(box[0], true[0])
    height = min(box[3], true[3]) - max(box[1], true[1])
    area = (true[2] - true[0]) * (true[3] - true[1])
    return width > 0 and height > 0 and width * height >= _SHARED * area


def same_value(read: object, true: JsonScalar) -> bool:
    """Return whether two values are equal: numbers as numbers, texts by letters and digits.

    A reading of a phone number has its country's code, which the document may lack.
    """
    if read is None or true is None:
        return read is true
    if isinstance(read, bool) or isinstance(true, bool):
        return read is true
    try:
        if isinstance(read, Decimal | int | float) or isinstance(true, int | float):
            return Decimal(str(read)) == Decimal(str(true))
    except InvalidOperation:
        return False
    texts = str(read), str(true)
    if all(map(_TIME.fullmatch, texts)):
        return texts[0][:5] == texts[1][:5]
    if _PHONE.fullmatch(texts[0]):
        digits = "".join(filter(str.isdigit, texts[1])).lstrip("0")
        return len(digits) >= _PHONE_DIGITS and texts[0].endswith(digits)
    return _plain(texts[0]) == _plain(texts[1])


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(each for each in folded if each.isalnum())


def lists_of(examples: Sequence[FieldExample]) -> FieldLists:
    """Return the examples as arrays."""
    rows = [row for each in examples for row in each.field.features]
    numbers = [at for at, each in enumerate(examples) for _ in each.field.features]
    return FieldLists(
        np.array(rows, dtype=np.float64),
        np.array(numbers, dtype=np.int64),
        np.array([right for each in examples for right in each.right], dtype=np.bool_),
        np.array([each.field.field_features for each in examples], dtype=np.float64),
    )


def fields_of(documents: Sequence[DocumentExample]) -> Iterator[FieldExample]:
    """Yield the fields of documents that the reading leaves a chance.

    One whose value is there and among no candidate is left out: it would teach to choose none.
    """
    for document in documents:
        for each in document.fields:
            if each.truth.value is None or any(each.right):
                yield each


def missed(documents: Sequence[DocumentExample]) -> Mapping[str, float]:
    """Return the share of fields, by kind, whose value is among no candidate."""
    found: dict[str, list[bool]] = {}
    for document in documents:
        for each in document.fields:
            if each.truth.value is not None:
                found.setdefault(str(each.field.leaf.kind), []).append(not any(each.right))
    return {kind: sum(flags) / len(flags) for kind, flags in sorted(found.items())}
