"""Filters of documents, held against their records: what a search by the filter would see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.ingest import VectorMetadata
from chalicelib.retrieval.ids import path_hashes

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document
    from chalicelib.retrieval.search.filters import IndexFilter

Fields = Mapping[str, Any]


def matches(condition: IndexFilter | None, document: Document) -> bool:
    """Tell whether the vectors of a document would meet the index filter `condition`.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
    """
    return condition is None or _holds(condition, _fields(document))


def _fields(document: Document) -> Fields:
    """Return the filterable metadata that each vector of a document has."""
    uploaded_at = int(document.uploaded_at.timestamp()) if document.uploaded_at else 0
    return VectorMetadata(
        document_id=document.document_id,
        version=document.version,
        collection=document.collection,
        path=document.path,
        page=1,
        heading="",
        start=0,
        end=0,
        text="",
        media_type=document.media_type,
        language=document.language,
        uploaded_at=uploaded_at,
        folders=path_hashes(document.path),
        metadata=document.metadata,
    ).wire()


def _holds(condition: IndexFilter, fields: Fields) -> bool:
    ((key, wanted),) = condition.items()
    if key == "$and":
        return all(_holds(part, fields) for part in wanted)
    if key == "$or":
        return any(_holds(part, fields) for part in wanted)
    return all(_meets(fields, key, operator, operand) for operator, operand in wanted.items())


def _meets(fields: Fields, key: str, operator: str, operand: Any) -> bool:
    if operator == "$exists":
        return (key in fields) is bool(operand)
    if key not in fields:
        return False
    return _OPERATORS[operator](fields[key], operand)


def _is(value: Any, operand: Any) -> bool:
    """Tell whether a value is, or a list holds, `operand`; true is not 1."""
    values = value if isinstance(value, list) else [value]
    return any(
        each == operand and isinstance(each, bool) == isinstance(operand, bool) for each in values
    )


def _is_any(value: Any, operands: Any) -> bool:
    return any(_is(value, operand) for operand in operands)


def _compare(test: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    """Return a comparison of numbers; no other value has an order."""

    def compared(value: Any, operand: Any) -> bool:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and test(value, operand)

    return compared


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _is,
    "$in": _is_any,
    "$nin": lambda value, operands: not _is_any(value, operands),
    "$gt": _compare(lambda value, operand: value > operand),
    "$gte": _compare(lambda value, operand: value >= operand),
    "$lt": _compare(lambda value, operand: value < operand),
    "$lte": _compare(lambda value, operand: value <= operand),
}
