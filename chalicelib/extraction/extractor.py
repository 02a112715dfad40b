"""Extraction of a schema's values from one document, each with the words that it was read from.

    read lists -> find candidates of every field -> rank -> weigh by rules -> choose -> say how sure

No value is made up: every one is a reading of characters of the document, and a field for which
none is likely enough is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.extraction.acceptance import accepted_fields
from chalicelib.extraction.confidence import FieldConfidence, Odds, field_confidence
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.document_values import DocumentReading
from chalicelib.extraction.label_similarity import LabelComparison, LabelEmbedder
from chalicelib.extraction.label_subwords import SubwordVectors, label_subwords
from chalicelib.extraction.label_vocabulary import LabelVocabulary, label_vocabulary
from chalicelib.extraction.ranker import FieldRanker, field_ranker
from chalicelib.extraction.schema_fit import fit_features, schema_fit
from chalicelib.extraction.text_kinds import TextKinds, text_kinds

if TYPE_CHECKING:
    from chalicelib.contracts.extractions import Extraction
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.schema import ExtractionSchema


@dataclass(frozen=True, slots=True)
class FieldExtractor:
    """Extracts the fields of schemas from documents.

    Args:
        embedder: compares the meaning of names and labels; without one, only words and letters.
        vocabulary: what documents call things.
        subwords: what they call them in other languages.
        kinds: what texts are.
        ranker: scores the candidates.
        confidence: tells how sure a value is.
        fits: tells how likely a document is one that a schema asks about.
    """

    embedder: LabelEmbedder | None
    vocabulary: LabelVocabulary
    subwords: SubwordVectors
    kinds: TextKinds
    ranker: FieldRanker
    confidence: FieldConfidence
    fits: Odds

    @classmethod
    def open(cls, embedder: LabelEmbedder | None) -> FieldExtractor:
        """Return an extractor with the weights that are shipped."""
        return cls(
            embedder,
            label_vocabulary(),
            label_subwords(),
            text_kinds(),
            field_ranker(),
            field_confidence(),
            schema_fit(),
        )

    def comparison(self) -> LabelComparison:
        """Return what compares names with labels, each text once for all that is read by it."""
        return LabelComparison(self.embedder, self.vocabulary, self.subwords, self.kinds)

    def read(
        self,
        schema: ExtractionSchema,
        document: SourceDocument,
        comparison: LabelComparison | None = None,
    ) -> DocumentReading:
        """Return what is read from a document, of which an extraction can be made.

        Give the `comparison` of an earlier reading where the texts are mostly the same.
        """
        reader = DocumentReader(schema, document, comparison or self.comparison())
        lists = reader.read_lists()
        chosen = reader.choose(self.ranker, self.confidence.floor, lists)
        fields = accepted_fields(chosen, lists, schema, self.confidence)
        return DocumentReading(reader, tuple(fields), tuple(lists), self.confidence)

    def extract(self, schema: ExtractionSchema, document: SourceDocument) -> Extraction:
        """Return the values of a schema in a document, with evidence and confidence for each."""
        return self.read(schema, document).extraction()

    def fit(
        self, asked: Sequence[tuple[ExtractionSchema, str]], document: SourceDocument
    ) -> list[float]:
        """Return how likely a document is one that each schema asks about, 0 to 1.

        Args:
            asked: schemas, each with what it is called beside its title, or "".
            document: the pages of one document, whose texts are compared once for all schemas.
        """
        comparison = self.comparison()
        found = []
        for schema, name in asked:
            reader = DocumentReader(schema, document, comparison)
            title = schema.source.get("title")
            called = (name, title) if isinstance(title, str) else (name,)
            found.append(self.fits.probability(fit_features(reader, self.ranker, called)))
        return found
