"""moto's DynamoDB answers, without a search for the type of each attribute.

moto writes an answer by the service's model: of each attribute value it asks, for each of the
ten types that there are and under several spellings, whether it has that one. That is four
fifths of the time of a query. A value names its one type, so here no other is looked for.
"""

from __future__ import annotations

from typing import Any

from moto.core.model import StructureShape
from moto.core.serialize import BaseJSONSerializer

_write_structure = BaseJSONSerializer._serialize_type_structure


def _serialize_type_structure(
    serializer: BaseJSONSerializer,
    serialized: dict[str, Any],
    value: Any,
    shape: StructureShape,
    key: str,
) -> None:
    kind = _only_type(value) if shape.name == "AttributeValue" and key else None
    member = shape.members.get(kind) if kind else None
    if kind is None or member is None:
        _write_structure(serializer, serialized, value, shape, key)
        return
    written: dict[str, Any] = {}
    serializer._serialize(written, value[kind], member, kind)
    serialized[key] = written


def _only_type(value: object) -> str | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    [(kind, held)] = value.items()
    return None if held is None else str(kind)


def install() -> None:
    """Let moto write attribute values by the type that they name."""
    BaseJSONSerializer._serialize_type_structure = _serialize_type_structure  # type: ignore[method-assign,assignment]
