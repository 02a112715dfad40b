"""The files of an extraction, beside the version of the document that was read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.extractions import ExtractionFacts, ExtractionResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.extraction.exports import fields_csv, rows_csv
from chalicelib.extraction.storage import FIELDS, FIELDS_TABLE, RESULT, ROWS_TABLE, SCHEMA

if TYPE_CHECKING:
    from chalicelib.contracts.extractions import Extraction
    from chalicelib.contracts.functions.extract_fields import ExtractDocumentRequest


class ExtractionWrites(Protocol):
    """Writes the objects of extractions."""

    def write(self, bucket: str, key: str, body: bytes, metadata: dict[str, str]) -> None:
        """Write an object."""


def write_extraction(
    objects: ExtractionWrites,
    request: ExtractDocumentRequest,
    prefix: str,
    facts: ExtractionFacts,
    read: Extraction,
) -> None:
    """Write the files of an extraction under `prefix`, with the schema that it was made by."""
    result = ExtractionResult(facts=facts, values=read.values, lists=read.lists, rules=read.rules)
    bodies = {
        SCHEMA: json.dumps(request.terms.json_schema, ensure_ascii=False).encode(),
        FIELDS: dump_lines(read.fields),
        FIELDS_TABLE: fields_csv(read.fields),
        ROWS_TABLE: rows_csv(read.values),
        RESULT: result.model_dump_json().encode(),
    }
    for name, body in bodies.items():
        objects.write(request.bucket, prefix + name, body, {})
