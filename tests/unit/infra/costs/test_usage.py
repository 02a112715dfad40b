from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.generation.catalogue import catalogue
from infra.costs.usage import (
    BY_CALL,
    GIGABYTE,
    ITEM_ACTIONS,
    CountedUsage,
    FunctionUse,
    UnpricedCallError,
    price_usage,
)


def used(items: int = 1, **fields: object) -> CountedUsage:
    told = {"items": items, "calls": {}, "actions": {}, "functions": {}, **fields}
    return CountedUsage(**told)  # type: ignore[arg-type]


def price(unit: str) -> Decimal:
    return catalogue().price(unit).dollars


def test_every_unit_that_is_billed_should_have_a_price() -> None:
    for unit in {*BY_CALL.values(), *ITEM_ACTIONS.values()} - {None}:
        assert price(str(unit)) > 0


def test_a_call_without_a_rule_should_be_refused_by_name() -> None:
    with pytest.raises(UnpricedCallError, match="kinesis:PutRecord"):
        price_usage(used(calls={"kinesis:PutRecord": 1}), catalogue())
    with pytest.raises(UnpricedCallError, match="dynamodb:PartiQLInsert"):
        price_usage(used(actions={"dynamodb:PartiQLInsert": 1}), catalogue())


def test_a_function_should_be_billed_by_request_and_by_memory_and_time() -> None:
    told = price_usage(used(functions={"f": FunctionUse(2, 3.0, 512)}), catalogue())
    expected = 2 * price("lambda.request") + Decimal("1.5") * price("lambda.gb_second.arm64")
    assert told.by_service["Lambda"] == expected


def test_an_item_in_a_transaction_should_be_billed_twice() -> None:
    calls = {"dynamodb:PutItem": 1, "dynamodb:TransactWriteItems": 1}
    told = price_usage(used(calls=calls, actions={"dynamodb:PutItem": 4}), catalogue())
    assert told.by_service["DynamoDB"] == 7 * price("dynamodb.write_request_unit")


def test_express_children_should_be_billed_as_the_receipts_say() -> None:
    told = price_usage(used(2, transitions=4, children="0.01"), catalogue())
    expected = 2 * price("stepfunctions.standard.transition") + Decimal("0.005")
    assert told.by_service["Step Functions"] == expected


@pytest.mark.parametrize(
    ("puts", "vector_bytes", "billed"),
    [(1, 1536, 131_072), (5, 7_680, 655_360), (1, 695_808, 695_808)],
)
def test_a_put_of_vectors_should_be_billed_as_128_kilobytes_at_least(
    puts: int, vector_bytes: int, billed: int
) -> None:
    """https://aws.amazon.com/s3/pricing/"""
    counted = used(calls={"s3vectors:PutVectors": puts}, vector_bytes=vector_bytes)
    expected = price("s3vectors.put.gb") * billed / GIGABYTE
    assert price_usage(counted, catalogue()).by_service["S3 Vectors"] == expected


def test_an_invocation_of_a_schedule_should_be_billed_beside_the_bus() -> None:
    """https://aws.amazon.com/eventbridge/pricing/"""
    told = price_usage(used(2, scheduled=6, objects=2), catalogue())
    expected = 3 * price("scheduler.invocation") + price("eventbridge.event")
    assert told.by_service["EventBridge"] == expected


def test_what_starts_from_outside_should_be_traced_once() -> None:
    functions = {
        "headrace-apihandler-6ba0df84": FunctionUse(2, 0, 512),
        "headrace-authorizer-407d5047": FunctionUse(2, 0, 512),
        "headrace-objectcreated-b911c38d": FunctionUse(1, 0, 512),
        "headrace-local-read-document": FunctionUse(9, 0, 512),
    }
    told = price_usage(used(functions=functions), catalogue())
    assert told.by_service["X-Ray"] == 3 * price("xray.trace")


def test_what_is_free_or_counted_otherwise_should_add_nothing() -> None:
    free = {call: 5 for call, unit in BY_CALL.items() if unit is None}
    del free["s3vectors:PutVectors"]
    assert price_usage(used(calls=free), catalogue()).total == 0


@given(
    st.integers(1, 1000),
    st.dictionaries(st.sampled_from(sorted(BY_CALL)), st.integers(0, 1000)),
    st.dictionaries(st.sampled_from(sorted(ITEM_ACTIONS)), st.integers(0, 1000)),
    st.integers(0, 10**6),
)
def test_the_bill_of_one_should_be_its_share_of_the_bill_of_all(
    items: int, calls: dict[str, int], actions: dict[str, int], transitions: int
) -> None:
    fields = {"calls": calls, "actions": actions, "transitions": transitions}
    together = price_usage(used(1, **fields), catalogue())
    each = price_usage(used(items, **fields), catalogue())
    assert abs(each.total * items - together.total) < Decimal("1e-15")
    assert sum(each.by_service.values()) == each.total
