"""Values that fit botocore's shapes, and the wire as botocore itself writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode

from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import strategies as st

from localcloud.wire.requests import decode, parse_json, parse_rest
from localcloud.wire.responses import WireResponse
from localcloud.wire.service_models import match_rest, match_target, service_model

_PLAIN = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_."
_MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


def values(shape: Shape, where: str = "body") -> st.SearchStrategy[Any]:
    """Values that `shape` allows. `where` is the place in a message, which allows less."""
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if isinstance(shape, StructureShape):
        return (
            st.dictionaries(st.text(max_size=4), _JSON, max_size=3)
            if (shape.is_document_type)
            else structures(shape)
        )
    if isinstance(shape, ListShape):
        least = max(low, 1) if where == "querystring" else low
        most = max(least, min(high or 3, 3))
        return st.lists(values(shape.member, where), min_size=least, max_size=most)
    if isinstance(shape, MapShape):
        return st.dictionaries(
            values(shape.key), values(shape.value), min_size=low, max_size=max(low, 2)
        )
    return _scalars(shape, where)


def _scalars(shape: Shape, where: str) -> st.SearchStrategy[Any]:
    kind = shape.type_name
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if kind in ("integer", "long"):
        bits = 31 if kind == "integer" else 53
        least = low if low is not None else -(2**bits)
        return st.integers(least, high if high is not None else 2**bits - 1)
    if kind in ("float", "double"):
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if kind == "boolean":
        return st.booleans()
    if kind == "timestamp":
        return _MOMENTS
    if kind == "blob":
        return st.binary(min_size=low or 0, max_size=max(low or 0, 20))
    if isinstance(shape, StringShape) and shape.enum:
        return st.sampled_from(shape.enum)
    free = st.characters(exclude_categories=["Cs"]) if where == "body" else st.sampled_from(_PLAIN)
    least = max(low or 0, 0 if where == "body" else 1)
    return st.text(free, min_size=least, max_size=max(least, min(high or 12, 12)))


@cache
def requests_of(service: str, name: str) -> st.SearchStrategy[dict[str, Any]]:
    shape = operation_named(service, name).input_shape
    assert isinstance(shape, StructureShape)
    return structures(shape)


@cache
def results_of(service: str, name: str) -> st.SearchStrategy[dict[str, Any]]:
    shape = operation_named(service, name).output_shape
    assert isinstance(shape, StructureShape)
    return structures(shape)


def structures(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    if shape.is_tagged_union:
        alternatives = [
            st.fixed_dictionaries({name: values(member)}) for name, member in shape.members.items()
        ]
        return st.one_of(alternatives)
    places = {
        name: values(member, member.serialization.get("location", "body"))
        for name, member in shape.members.items()
        if member.serialization.get("location") != "statusCode"
    }
    required = {name: places[name] for name in shape.required_members}
    optional = {name: place for name, place in places.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def sent_by_botocore(operation: OperationModel, params: Mapping[str, Any]) -> Any:
    """Return what our parser reads of the request that botocore writes."""
    model = operation.service_model
    made = create_serializer(model.metadata["protocol"]).serialize_to_request(params, operation)
    body = made["body"] if isinstance(made["body"], bytes) else made["body"].encode()
    if model.metadata["protocol"] == "json":
        match = match_target(model.service_name, made["headers"]["X-Amz-Target"])
        assert match.operation.name == operation.name
        shape = operation.input_shape
        assert shape is not None
        return decode(shape, parse_json(body))
    path, _, fixed = made["url_path"].partition("?")
    query = parse_qs(
        "&".join(filter(None, [fixed, urlencode(made["query_string"], doseq=True)])),
        keep_blank_values=True,
    )
    found = match_rest(model.service_name, made["method"], path, query)
    assert found is not None
    assert found.operation.name == operation.name
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    read = parse_rest(operation, found.labels, query, headers, body)
    payload = operation.input_shape.serialization.get("payload") if operation.input_shape else None
    if payload and not body and payload not in params:
        del read[payload]  # no bytes and an empty payload look alike
    return read


def parsed_by_botocore(protocol: str, response: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Return what botocore makes of `response`; an error has no `shape`."""
    parsed: dict[str, Any] = create_parser(protocol).parse(response, shape)
    return parsed


def read_by_botocore(operation: OperationModel, answer: WireResponse) -> dict[str, Any]:
    """Return what botocore reads of an answer that we wrote."""
    assert isinstance(answer.body, bytes)
    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.body}
    protocol = operation.service_model.metadata["protocol"]
    parsed = parsed_by_botocore(protocol, response, operation.output_shape)
    parsed.pop("ResponseMetadata")
    return parsed


def operation_named(service: str, name: str) -> OperationModel:
    return service_model(service).operation_model(name)
