"""Attribute values in answers are as moto writes them, found faster."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from moto.core.serialize import BaseJSONSerializer, JSONSerializer, XFormedAttributePicker
from moto.core.utils import get_service_model

from localcloud.moto import dynamodb_patches
from tests.unit.moto.conftest import Open

SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=5)),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda text: {"B": text}, st.binary(max_size=5)),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=3), min_size=1, max_size=3)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(lambda values: {"L": values}, st.lists(inner, max_size=3))
        | st.builds(
            lambda values: {"M": values}, st.dictionaries(st.text(max_size=3), inner, max_size=3)
        )
    ),
    max_leaves=8,
)


def written(answer: dict[str, Any]) -> Any:
    operation = get_service_model("dynamodb").operation_model("Query")
    serializer = JSONSerializer(operation, value_picker=XFormedAttributePicker())
    return json.loads(serializer.serialize(answer)["body"])


@given(items=st.lists(st.dictionaries(st.text(min_size=1, max_size=3), VALUES, max_size=4)))
def test_an_answer_should_be_what_moto_alone_writes(items: list[dict[str, Any]]) -> None:
    answer = {"Items": items, "Count": len(items), "LastEvaluatedKey": {"pk": {"S": "x"}}}
    ours = written(answer)
    quick = BaseJSONSerializer._serialize_type_structure
    BaseJSONSerializer._serialize_type_structure = dynamodb_patches._moto_serialize_structure  # type: ignore[method-assign]
    try:
        assert ours == written(answer)
    finally:
        BaseJSONSerializer._serialize_type_structure = quick  # type: ignore[method-assign]


def test_values_of_every_type_should_be_read_as_written(opened: Open) -> None:
    item = {
        "pk": {"S": "k"},
        "n": {"N": "1.5"},
        "b": {"B": "AAE="},
        "flag": {"BOOL": False},
        "nothing": {"NULL": True},
        "set": {"NS": ["1", "2"]},
        "blobs": {"BS": ["AAE="]},
        "list": {"L": [{"S": ""}, {"M": {"S": {"N": "2"}, "L": {"L": []}}}]},
        "map": {"M": {"S": {"S": "named like a type"}}},
        "empty": {"M": {}},
    }
    with opened() as cloud:
        cloud.table()
        cloud("dynamodb", "PutItem", TableName="t", Item=item)
        assert cloud.items() == {"k": item}
        assert cloud("dynamodb", "GetItem", TableName="t", Key={"pk": {"S": "k"}})["Item"] == item
