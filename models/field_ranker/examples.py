"""Fields of generated documents with their candidates, and which of these are right."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.candidates import find_candidates
from chalicelib.extraction.document import SourceDocument, Span, source_document
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.label_similarity import LabelComparison, LabelEmbedder
from chalicelib.extraction.schema import extraction_schema
from functions.read_document.pdf import pdf_document
from functions.read_document.text.language import language_of
from models.field_ranker.strange_names import with_strange_names

if TYPE_CHECKING:
    from chalicelib.documents.words import Edges
    from chalicelib.extraction.document_reader import UnrankedField
    from chalicelib.extraction.label_subwords import SubwordVectors
    from chalicelib.extraction.label_vocabulary import LabelVocabulary
    from chalicelib.extraction.leaves import Leaf
    from chalicelib.extraction.read_fields import ReadList
    from chalicelib.extraction.text_kinds import TextKinds
    from models.datasets.business_documents.generated_document import (
        GeneratedDocument,
        JsonScalar,
        TrueValue,
    )

WITHOUT_WORDS = 0.25
WITH_OWN_NAMES = 0.33
NAMED = 0.7
"""Share of the fields that get the document's own name where any do."""
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
class LabelKnowledge:
    """An embedder with the vocabulary, the vectors and the classifier that compare labels."""

    embedder: LabelEmbedder | None
    vocabulary: LabelVocabulary
    subwords: SubwordVectors
    kinds: TextKinds

    def comparison(self) -> LabelComparison:
        """Return a comparison that has seen no label yet."""
        return LabelComparison(self.embedder, self.vocabulary, self.subwords, self.kinds)


@dataclass(frozen=True, slots=True)
class FieldExample:
    """A field of a document with its candidates, and whether each is right."""

    field: UnrankedField
    right: tuple[bool, ...]
    truth: TrueValue


@dataclass(frozen=True, slots=True)
class DocumentExample:
    """A generated document as it was read: its fields outside of lists, and its lists.

    The reader has nothing left to compare labels by, as all was compared.
    """

    generated: GeneratedDocument
    reader: DocumentReader
    fields: tuple[FieldExample, ...]
    lists: tuple[ReadList, ...]
    is_strange: bool = False


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
    known: LabelKnowledge,
    rng: random.Random,
    *,
    with_lists: bool = False,
    is_strange: bool = False,
) -> DocumentExample:
    """Return a document with the candidates of its fields and which of them are right.

    Some documents are read without the places of words. In a third, some fields are also called
    what the document calls them, as those do who know their documents. In one that `is_strange`
    half of the fields are called otherwise before that.
    """
    schema = extraction_schema(generated.schema)
    document = read_generated(generated, with_words=rng.random() > WITHOUT_WORDS)
    comparison = known.comparison()
    reader = DocumentReader(schema, document, comparison)
    found = find_candidates(document, reader.layouts, schema.leaves, reader.hints, known.subwords)
    truth = {each.pointer: each for each in generated.truth}
    right = [
        rights(document, truth[leaf.pointer], candidates)
        for leaf, candidates in zip(schema.leaves, found, strict=True)
    ]
    leaves = schema.leaves
    if is_strange:
        of_leaves = {pointer: each.concept for pointer, each in truth.items()}
        language = generated.language.partition("_")[0]
        leaves = with_strange_names(leaves, of_leaves, generated.labels, language, rng)
    if rng.random() < WITH_OWN_NAMES:
        leaves = tuple(
            _with_own_name(leaf, generated.labels.get(truth[leaf.pointer].concept, ""), rng)
            for leaf in leaves
        )
    if leaves != schema.leaves:
        reader = DocumentReader(replace(schema, leaves=leaves), document, comparison)
    fields = tuple(
        FieldExample(unranked, flags, truth[unranked.leaf.pointer])
        for unranked, flags in zip(reader.with_features(found), right, strict=True)
    )
    lists = tuple(reader.read_lists()) if with_lists else ()
    return DocumentExample(
        generated,
        DocumentReader(reader.schema, document, LabelComparison()),
        fields,
        lists,
        is_strange,
    )


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


def _with_own_name(leaf: Leaf, label: str, rng: random.Random) -> Leaf:
    """Return a field with what its document calls it as one more name."""
    if not label or rng.random() > NAMED:
        return leaf
    return replace(leaf, names=(label, *leaf.names))


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


def missed(documents: Sequence[DocumentExample]) -> Mapping[str, float]:
    """Return the share of fields, by kind, whose value is among no candidate."""
    found: dict[str, list[bool]] = {}
    for document in documents:
        for each in document.fields:
            if each.truth.value is not None:
                found.setdefault(str(each.field.leaf.kind), []).append(not any(each.right))
    return {kind: sum(flags) / len(flags) for kind, flags in sorted(found.items())}
