"""Our extraction as its function runs it: the shipped weights and the model of embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from chalicelib.contracts.extractions import Extraction
from chalicelib.extraction.document import SourceDocument
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.extraction.ranker import RANKER
from chalicelib.extraction.schema import extraction_schema
from chalicelib.inference.embedder import Embedder
from models.pull.cache import CACHE


@dataclass(frozen=True, slots=True)
class OwnExtractor:
    """Extracts by JSON Schemas; `version` is a hash of the ranker's weights."""

    extractor: FieldExtractor
    version: str

    @classmethod
    def open(cls) -> OwnExtractor:
        """Open it on the models that were pulled."""
        version = hashlib.sha256(RANKER.read_bytes()).hexdigest()[:12]
        return cls(FieldExtractor.open(Embedder.open(CACHE)), version)

    def extract(self, schema: Mapping[str, JsonValue], document: SourceDocument) -> Extraction:
        """Return the values of a schema in a document."""
        return self.extractor.extract(extraction_schema(dict(schema)), document)
