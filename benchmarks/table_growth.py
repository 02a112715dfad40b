"""CPU time of the local cloud's DynamoDB as records grow: calls of a document, a query, a start.

The calls of a document are those of an ingest: a claim, updates, queries by prefix, a settlement.
They are made on one tenant's records, once beside those of 50 documents and once beside 5,000. A
query by prefix that finds nothing is compared with moto's, on the same items. Seeded.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import BotocoreStubber

from benchmarks.reporting import Result, spread
from localcloud.dynamodb.service import DynamoDbService
from localcloud.service import CloudContext

SEED = 13
FEW, MANY = 50, 5_000
ITEMS_FOR_QUERY = 2_000
CALLS_OF_MOTO = 5
TABLE = "records"
_HOST = "dynamodb.us-east-1.amazonaws.com"

Call = tuple[str, dict[str, Any]]
Make = Callable[[str, dict[str, Any]], object]


def measure(repetitions: int) -> Result:
    """Time `repetitions` documents at each size, each document's calls on its own."""
    rng = random.Random(SEED)  # noqa: S311 - repeatable
    with tempfile.TemporaryDirectory() as folder:
        context = CloudContext(Path(folder), "http://127.0.0.1")
        service = DynamoDbService(context)
        service.handle(*_creation())
        milliseconds: dict[int, list[float]] = {}
        stored = 0
        for size in (FEW, MANY):
            for _ in range(stored, size):
                _make(service.handle, _document(rng))
            stored = size
            milliseconds[size] = [
                _cpu_ms(lambda: _make(service.handle, _document(rng))) for _ in range(repetitions)
            ]
        service.close()
        starts = [_cpu_ms(lambda: DynamoDbService(context).close()) for _ in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        service = DynamoDbService(CloudContext(Path(folder), "http://127.0.0.1"))
        ours = _empty_queries(service.handle, repetitions)
        service.close()
    theirs = _empty_queries(_call_moto, CALLS_OF_MOTO)
    few, many = (spread(milliseconds[size], "ms of CPU") for size in (FEW, MANY))
    query, moto_query = spread(ours, "ms of CPU"), spread(theirs, "ms of CPU")
    return Result(
        name="table_growth",
        repetitions=repetitions,
        measured={
            f"calls of a document among {FEW}": few,
            f"calls of a document among {MANY:,}": many,
            f"empty query by prefix among {ITEMS_FOR_QUERY:,} items": query,
            f"the same by moto {ITEMS_FOR_QUERY:,} items": moto_query,
            f"start with the records of {MANY:,} documents": spread(starts, "ms of CPU"),
        },
        ratios={
            f"a document among {MANY:,} to one among {FEW}": many.median / few.median,
            "the query by moto to ours": moto_query.median / query.median,
        },
        facts={"calls of a document": len(list(_document(rng)))},
    )


def _creation() -> Call:
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    return "CreateTable", {
        "TableName": TABLE,
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n, _ in keys],
        "BillingMode": "PAY_PER_REQUEST",
    }


def _key(sort: str) -> dict[str, Any]:
    return {"pk": {"S": "TENANT#local"}, "sk": {"S": sort}}


def _record(rng: random.Random, sort: str, size: int) -> dict[str, Any]:
    return {
        **_key(sort),
        "status": {"S": "processing"},
        "updated_at": {"S": "2026-11-28T12:00:00Z"},
        "pages": {"N": str(rng.randrange(1, 100))},
        "text": {"S": "".join(rng.choices("abcdefgh ", k=size))},
    }


def _document(rng: random.Random) -> Iterator[Call]:
    """Yield the calls of one document's ingest."""
    identifier = f"{rng.getrandbits(80):020x}"
    document, path = f"DOC#{identifier}", f"PATH#inbox/{identifier}.txt"
    yield "GetItem", {"TableName": TABLE, "Key": _key("SETTINGS"), "ConsistentRead": True}
    yield (
        "TransactWriteItems",
        {"TransactItems": [_put(_record(rng, document, 600)), _put(_record(rng, path, 80))]},
    )
    for _ in range(4):
        yield (
            "UpdateItem",
            {
                "TableName": TABLE,
                "Key": _key(document),
                "UpdateExpression": "SET #status = :status, #updated_at = :now",
                "ConditionExpression": "attribute_exists(pk) AND #status <> :gone",
                "ExpressionAttributeNames": {"#status": "status", "#updated_at": "updated_at"},
                "ExpressionAttributeValues": {
                    ":status": {"S": "ready"},
                    ":gone": {"S": "gone"},
                    ":now": {"S": "2026-11-28T12:00:01Z"},
                },
            },
        )
    for prefix in (f"MEMBER#{identifier}#", "COLLECTION#", f"DOC#{identifier[:4]}"):
        yield "Query", _by_prefix(prefix)
    yield (
        "TransactWriteItems",
        {
            "TransactItems": [
                _put(_record(rng, f"EVENT#{identifier}", 300)),
                {"Delete": {"TableName": TABLE, "Key": _key("WAITING")}},
            ]
        },
    )


def _put(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": TABLE,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }


def _by_prefix(prefix: str) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": {":pk": {"S": "TENANT#local"}, ":prefix": {"S": prefix}},
    }


def _make(make: Make, calls: Iterator[Call]) -> None:
    for operation, params in calls:
        make(operation, params)


def _empty_queries(make: Make, repetitions: int) -> list[float]:
    rng = random.Random(SEED)  # noqa: S311 - repeatable
    make(*_creation())
    for number in range(ITEMS_FOR_QUERY):
        item = _record(rng, f"SEARCH#{number:06}", 600)
        make("PutItem", {"TableName": TABLE, "Item": item})
    query = _by_prefix("VOTE#")
    return [_cpu_ms(lambda: make("Query", query)) for _ in range(repetitions)]


def _call_moto(operation: str, params: dict[str, Any]) -> object:
    headers = HTTPHeaders()
    for name, value in {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": "AWS4-HMAC-SHA256 "
        "Credential=test/20260101/us-east-1/dynamodb/aws4_request",
        "host": _HOST,
    }.items():
        headers[name] = value
    body = json.dumps(params).encode()
    request = AWSPreparedRequest("POST", f"https://{_HOST}/", headers, body, False)
    return BotocoreStubber().process_request(request)


def _cpu_ms(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return (time.process_time() - start) * 1000
