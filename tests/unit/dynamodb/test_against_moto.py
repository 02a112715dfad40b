"""moto as a second opinion: random calls have the same answers and leave the same items.

moto deviates from AWS in these, which the test therefore steps over:

- It checks a condition before it checks the rest of a request, so that what AWS refuses by itself
  ("Invalid UpdateExpression: …") is answered as a false condition; it also takes some of it, such
  as projections that overlap.
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
- A refused update may leave half of its actions. On AWS a write is made whole or not at all.
- `size` of a missing or unsized attribute, `NOT NOT` and some document paths raise Python's errors.
- A missing attribute is equal to NULL, and to another missing one. On AWS `attribute_exists` and
  `attribute_type` tell the two apart.
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
- It keeps numbers as they were written; AWS trims zeros.
  https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import count
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models import dynamodb_backends

from tests.soak import often
from tests.unit.dynamodb.conftest import Open
from tests.unit.dynamodb.expressions import calls

ACCOUNT = "999999999999"
"""An account of moto that nothing else in this process uses."""

HOST = "dynamodb.us-east-1.amazonaws.com"
NUMBERS = count()
TABLE = {
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "N"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
SHOWN = ("Item", "Items", "Attributes", "Count", "ScannedCount")


class MotoCrashError(Exception):
    """Raised when moto raises anything but an error of AWS's."""


def moto(operation: str, **params: Any) -> dict[str, Any]:
    headers = HTTPHeaders()
    for name, value in {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": "AWS4-HMAC-SHA256 "
        "Credential=test/20260101/us-east-1/dynamodb/aws4_request",
        "host": HOST,
        "x-moto-account-id": ACCOUNT,
    }.items():
        headers[name] = value
    request = AWSPreparedRequest(
        "POST", f"https://{HOST}/", headers, json.dumps(params).encode(), False
    )
    try:
        answer = BotocoreStubber().process_request(request)
    except Exception as error:
        raise MotoCrashError from error
    assert answer is not None
    result: dict[str, Any] = json.loads(answer[2])
    return result


def normal(value: Any) -> Any:
    """Return a result with its sets in order, and its numbers without trailing zeros."""
    if isinstance(value, list):
        return [normal(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(kind, content)] = value.items()
        if kind in ("SS", "NS", "BS") and isinstance(content, list):
            return {kind: sorted(map(str, content))}
        if kind == "N" and isinstance(content, str):
            return {kind: f"{Decimal(content).normalize():f}"}
    return {name: normal(each) for name, each in value.items()}


def shown(result: dict[str, Any]) -> Any:
    if "__type" in result:
        return result["__type"].rpartition("#")[2]
    return normal({name: result[name] for name in SHOWN if result.get(name) not in (None, {})})


@settings(
    max_examples=often(1500, 25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=st.lists(calls(), min_size=1, max_size=8))
def test_random_calls_should_be_answered_as_moto_does(
    opened: Open, made: list[tuple[str, dict[str, Any]]]
) -> None:
    name = f"table-{next(NUMBERS)}"
    with opened(name) as tables:
        for create in (tables, moto):
            create("CreateTable", TableName=name, **TABLE)
        try:
            for operation, params in made:
                ours = tables(operation, TableName=name, **params)
                theirs = moto(operation, TableName=name, **params)
                if ours.get("__type") == "ValidationException":
                    event(f"refused, by moto as {theirs.get('__type', 'nothing')}")
                    assert "__type" in theirs, (operation, params, ours)
                    break
                assert shown(ours) == shown(theirs), (operation, params)
                event(f"{operation} {ours.get('__type', 'made')}")
            else:
                assert shown(tables("Scan", TableName=name)) == shown(moto("Scan", TableName=name))
        except MotoCrashError:
            event("moto crashed")
        finally:
            dynamodb_backends[ACCOUNT]["us-east-1"].tables.pop(name, None)
