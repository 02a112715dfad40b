"""Ids of extractions, and the objects of one in S3.

All lie with the version of the document that was read, and are removed with it:

    documents/{tenant}/{document_id}/{version}/extractions/{ulid}/
        schema.json       the JSON Schema
        result.json       values, lists, rules and facts
        fields.jsonl      a line for each leaf, with its evidence
        fields.csv        the same as a table, without boxes
        rows.csv          the values as a table: a row for each item of a list
        reviewed/         the same files once a person has reviewed it
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from chalicelib.contracts.extractions import EXTRACTION_PATTERN
from chalicelib.errors import NotFound
from chalicelib.retrieval.ids import version_prefix

SCHEMA = "schema.json"
RESULT = "result.json"
FIELDS = "fields.jsonl"
FIELDS_TABLE = "fields.csv"
ROWS_TABLE = "rows.csv"
REVIEWED: Final = "reviewed/"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TERMS = "extraction.json"
"""The terms of a job, beside its other objects."""


def extraction_id(document_id: str, ulid: str) -> str:
    """Return the id of an extraction, which names its document; in a job, `ulid` is the job's id.

    So a job that comes to a document twice makes one extraction of it.
    """
    return f"ext_{document_id.removeprefix('doc_')}_{ulid}"


def part_extraction_id(document_id: str, ulid: str, first: int, last: int) -> str:
    """Return the id of the extraction from pages `first` to `last` of a packet, in a job.

    It has the time of the job, and 80 bits that are told from the job and the pages, so that a job
    that comes to a packet twice makes one extraction of each part.
    """
    digest = hashlib.sha256(f"{ulid}/{first}-{last}".encode()).digest()
    number = int.from_bytes(digest[:10])
    signs = "".join(_CROCKFORD[number >> 5 * at & 31] for at in range(16))
    return extraction_id(document_id, ulid[:10] + signs)


def id_parts(extraction: str) -> tuple[str, str]:
    """Return the document's id and the ULID in an extraction's id; raise `NotFound`."""
    if not re.fullmatch(EXTRACTION_PATTERN, extraction):
        raise NotFound(
            "There is no such extraction; GET /v1/extractions lists them.", field="extraction_id"
        )
    _, document, ulid = extraction.split("_")
    return f"doc_{document}", ulid


def extraction_prefix(tenant: str, version: str, extraction: str) -> str:
    """Return the prefix of the objects of an extraction, with its final slash."""
    document, ulid = id_parts(extraction)
    return f"{version_prefix(tenant, document, version)}extractions/{ulid}/"
