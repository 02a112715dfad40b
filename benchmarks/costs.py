"""Costs of documents, questions and stored passages: counted calls at list prices.

Each workload runs on a local cloud of its own stage. Its calls, by the ledger of the local cloud,
the durations of its functions, and the bytes written are summed over all items, and billed by
`infra.costs.usage`. Seconds are this machine's.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from benchmarks import real_pages, scheduled_runs, small_documents
from benchmarks.cost_counting import Counts, counted, versions_of
from benchmarks.reporting import Result
from benchmarks.running_cloud import SETTLED, Caller, running_cloud, until
from chalicelib.inference.embedder import DIMENSIONS
from infra.costs.usage import CountedUsage, FunctionUse

COLLECTION = "costs"
TENANT = "local"
FLOAT_BYTES = 4
WARM_UP = 2
PATIENCE_S = 600.0
QUESTIONS = (
    "How wide does the gate stand between its posts?",
    "How far does the water run to the wheel?",
    "How are the leaves raked off below the gate?",
)
"""What the one-page files answer."""
PARTS = "parts"
"""The line of a receipt that bills the Express executions of the parts of a large document."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A number of similar actions; `act` performs them and returns all receipts.

    `is_scheduled` says that EventBridge Scheduler invokes something for each.
    """

    name: str
    act: Callable[[Caller], Sequence[Mapping[str, Any]]]
    is_scheduled: bool = False


def measure(repetitions: int) -> Result:
    """Run every workload `repetitions` times, large documents less often."""
    with running_cloud() as caller:
        for number in range(WARM_UP):
            _ingest(caller, f"warm-{number}.md", small_documents.markdown(number))
        _ask(caller, QUESTIONS[0], "extractive")
        scheduled_runs.save_prompt(caller)
        scheduled_runs.run_schedules(caller, "warm", 1)
        used = {each.name: _used(caller, each) for each in _workloads(repetitions)}
        stored = _stored(caller)
    return Result(
        name="costs",
        repetitions=repetitions,
        measured={},
        facts={
            "used": {name: asdict(each) for name, each in used.items()},
            "stored": stored,
        },
        notes=(
            "Counted on a local cloud; seconds are this machine's, warm, at the template's memory.",
            "Waiting for a document is not counted as its cost; one announcement is.",
        ),
    )


def _workloads(repetitions: int) -> list[Workload]:
    few = max(1, repetitions // 5)
    return [
        Workload("one page, Markdown", _documents("md", [(n, 1) for n in range(repetitions)])),
        Workload("ten pages, PDF", _documents("pdf", [(n, 10) for n in range(few)])),
        Workload("two hundred pages, PDF", _documents("pdf", [(2, 200)])),
        Workload("ten pages, scanned", _documents("scan", [(70, 10)])),
        Workload("a search", _queries(repetitions, _search)),
        Workload("a question, answered by extraction", _queries(repetitions, _extract)),
        Workload("a question, answered by a model", _queries(few, _generate)),
        Workload(
            "a schedule that runs once and finds nothing new",
            lambda caller: scheduled_runs.run_schedules(caller, "counted", few),
            is_scheduled=True,
        ),
    ]


def _documents(kind: str, wanted: Sequence[tuple[int, int]]) -> Callable[[Caller], Any]:
    def act(caller: Caller) -> list[Mapping[str, Any]]:
        return [
            _ingest(caller, f"{kind}-{pages}-{number}.{_SUFFIX[kind]}", _made(kind, number, pages))
            for number, pages in wanted
        ]

    return act


_SUFFIX = {"md": "md", "pdf": "pdf", "scan": "pdf"}


def _made(kind: str, number: int, pages: int) -> bytes:
    if kind == "md":
        return small_documents.markdown(100 + number)
    shown = real_pages.pages(pages, first=number * pages)
    return real_pages.pdf(shown) if kind == "pdf" else real_pages.scan(shown)


def _ingest(caller: Caller, path: str, content: bytes) -> dict[str, Any]:
    """Return the document's address, once its ingest has ended.

    Its record is read as the account's administrator, whose calls are not counted.
    """
    announced = caller.announce(path, content, COLLECTION)
    caller.post(announced, content)
    table = caller.cloud.client("dynamodb")
    where = {
        "TableName": caller.cloud.outputs["RecordsTableName"],
        "Key": {
            "pk": {"S": f"TENANT#{TENANT}"},
            "sk": {"S": f"DOCUMENT#{announced['document_id']}"},
        },
    }

    def has_ended() -> bool:
        record = table.get_item(**where).get("Item", {})
        return record.get("status", {}).get("S") in SETTLED

    until(has_ended, f"{path} to settle", PATIENCE_S)
    return {"document_id": announced["document_id"]}


def _read(caller: Caller, done: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the ingested document; the answer of a query is returned already."""
    return caller.settled(done["document_id"]) if set(done) == {"document_id"} else done


def _queries(
    count: int, ask: Callable[[Caller, str], dict[str, Any]]
) -> Callable[[Caller], list[Mapping[str, Any]]]:
    def act(caller: Caller) -> list[Mapping[str, Any]]:
        return [ask(caller, QUESTIONS[number % len(QUESTIONS)]) for number in range(count)]

    return act


def _search(caller: Caller, query: str) -> dict[str, Any]:
    answer = caller.api.post("/v1/search", json={"query": query, "collection": COLLECTION})
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _ask(caller: Caller, question: str, tier: str) -> dict[str, Any]:
    body = {"question": question, "collection": COLLECTION, "tier": tier}
    answer = caller.api.post("/v1/ask", json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    if not found["claims"]:
        raise RuntimeError(f"{question} was not answered: {found}")
    return found


def _extract(caller: Caller, question: str) -> dict[str, Any]:
    return _ask(caller, question, "extractive")


def _generate(caller: Caller, question: str) -> dict[str, Any]:
    return _ask(caller, question, "llm")


def _used(caller: Caller, workload: Workload) -> CountedUsage:
    before, bytes_before = counted(caller), sum(_vector_sizes(caller))
    acted = workload.act(caller)
    after = counted(caller)
    done = [_read(caller, each) for each in acted]
    lines = [line for each in done for line in (each.get("receipt") or {}).get("lines", ())]
    return CountedUsage(
        items=len(done),
        calls=_calls(before, after),
        actions=dict(after.actions - before.actions),
        functions=_functions(before, after),
        api_requests=len(done),
        objects=after.objects - before.objects,
        scheduled=len(done) if workload.is_scheduled else 0,
        log_bytes=after.log_bytes - before.log_bytes,
        tokens=_tokens(lines),
        transitions=sum(line.get("transitions") or 0 for line in lines),
        children=str(sum(Decimal(line["dollars"]) for line in lines if line["role"] == PARTS)),
        vector_bytes=sum(_vector_sizes(caller)) - bytes_before,
    )


def _calls(before: Counts, after: Counts) -> dict[str, int]:
    """Return the calls between two counts, and only those polls that received something.

    Empty polls are an idle cost of a queue.
    """
    calls = after.calls - before.calls
    calls["sqs:ReceiveMessage"] = calls["sqs:DeleteMessageBatch"]
    return dict(calls)


def _functions(before: Counts, after: Counts) -> dict[str, FunctionUse]:
    """Return the runs of each function between two counts."""
    return {
        name: FunctionUse(now[0] - then[0], (now[1] - then[1]) / 1000, now[2])
        for name, now in after.functions.items()
        for then in [before.functions.get(name, (0, 0, 0))]
        if now[0] > then[0]
    }


def _tokens(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    tokens: Counter[str] = Counter()
    for line in lines:
        if line.get("tokens_out"):
            tokens[f"bedrock.{line['priced_as']}.input_token"] += line["tokens_in"]
            tokens[f"bedrock.{line['priced_as']}.output_token"] += line["tokens_out"]
    return dict(tokens)


def _stored(caller: Caller) -> dict[str, float]:
    """Return the stored bytes per passage, over all that was ingested."""
    documents = caller.api.get("/v1/documents", params={"limit": 100}).json()["items"]
    chunks = sum(each["chunks"] for each in documents)
    objects = sum(each["Size"] for each in versions_of(caller))
    items = caller.cloud.client("dynamodb").get_paginator("scan")
    table = caller.cloud.outputs["RecordsTableName"]
    records = sum(
        _item_bytes({"M": item})
        for page in items.paginate(TableName=table)
        for item in page["Items"]
    )
    return {
        "chunks": chunks,
        "documents": len(documents),
        "object bytes a chunk": objects / chunks,
        "record bytes a chunk": records / chunks,
        "vector bytes a chunk": statistics.mean(_vector_sizes(caller)),
    }


def _item_bytes(value: Mapping[str, Any]) -> int:
    """Return the bytes that DynamoDB bills for an attribute value.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(len(name) + _item_bytes(each) for name, each in content.items())
    if kind == "L":
        return 3 + sum(map(_item_bytes, content))
    if kind in ("SS", "NS", "BS"):
        return sum(map(len, content))
    if kind in ("BOOL", "NULL"):
        return 1
    return len(content.encode() if isinstance(content, str) else content)


def _vector_sizes(caller: Caller) -> list[int]:
    """Return the bytes that S3 Vectors bills for each vector: its numbers, key and metadata."""
    vectors = caller.cloud.client("s3vectors")
    bucket = caller.cloud.outputs["VectorBucketName"]
    (index,) = vectors.list_indexes(vectorBucketName=bucket)["indexes"]
    pages = vectors.get_paginator("list_vectors").paginate(
        indexArn=index["indexArn"], returnMetadata=True, maxResults=500
    )
    return [
        DIMENSIONS * FLOAT_BYTES + len(each["key"]) + _json_bytes(each.get("metadata", {}))
        for page in pages
        for each in page["vectors"]
    ]


def _json_bytes(metadata: Mapping[str, Any]) -> int:
    return len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
