"""Growth of the local cloud's data folder by one-page documents, and what makes it smaller.

The folder is measured when it is new, with the documents, once they are deleted, and after another
start, which gives the free pages of SQLite's files back. A repetition is a document.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks import small_documents
from benchmarks.reporting import Result
from benchmarks.running_cloud import SETTLED, Caller, until
from tests.cloud import CloudProcess

COLLECTION = "growth"
CLIENTS = 8
PATIENCE_S = 3600.0
KIBIBYTE = 1024


def measure(repetitions: int) -> Result:
    """Ingest and delete `repetitions` documents, and measure the folder between."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        data = Path(folder) / "cloud"
        cloud = CloudProcess(data, account="laptop").start()
        new = _sizes(data)
        documents = _ingest(cloud, repetitions)
        full = _sizes(data)
        _delete(cloud, documents)
        emptied = _sizes(data)
        cloud.stop()
        cloud.start()
        again = _sizes(data)
        cloud.stop()
    return Result(
        name="folder_growth",
        repetitions=repetitions,
        measured={},
        facts={
            "KiB a document": _per_document(full, new, repetitions),
            "KiB a document, once deleted": _per_document(emptied, new, repetitions),
            "KiB a document, after another start": _per_document(again, new, repetitions),
        },
        notes=("By room of the folder; logs of functions are cut at 15 MB each.",),
    )


def _sizes(data: Path) -> Counter[str]:
    """Return the bytes of each room of the data folder."""
    sizes: Counter[str] = Counter()
    for path in data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes[path.relative_to(data).parts[0]] += path.stat().st_size
    return sizes


def _per_document(sizes: Counter[str], new: Counter[str], count: int) -> Mapping[str, float]:
    grown = {room: size - new[room] for room, size in sizes.items()}
    rooms = {
        room: round(size / count / KIBIBYTE, 2) for room, size in sorted(grown.items()) if size
    }
    return {"all": round(sum(grown.values()) / count / KIBIBYTE, 2), **rooms}


def _caller(cloud: CloudProcess) -> Caller:
    headers = {"Authorization": f"Bearer {cloud.api_key}"}
    return Caller(cloud, httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=60))


def _ingest(cloud: CloudProcess, count: int) -> list[str]:
    """Return the ids of documents that are ready."""
    caller = _caller(cloud)

    def put(number: int) -> str:
        content = small_documents.markdown(number)
        announced = caller.announce(f"{number}.md", content, COLLECTION)
        caller.post(announced, content)
        return str(announced["document_id"])

    with ThreadPoolExecutor(CLIENTS) as pool:
        documents = list(pool.map(put, range(count)))
    statuses: Counter[str] = Counter()

    def ended() -> bool:
        statuses.clear()
        statuses.update(_statuses(cloud))
        return sum(statuses[each] for each in SETTLED) == count

    until(ended, "documents to settle", PATIENCE_S)
    caller.api.close()
    if statuses["ready"] != count:
        raise RuntimeError(f"Not all documents became ready: {dict(statuses)}.")
    return documents


def _statuses(cloud: CloudProcess) -> list[str]:
    """Return the status of every document, read as the account's administrator."""
    pages = cloud.client("dynamodb").get_paginator("query")
    found = pages.paginate(
        TableName=cloud.outputs["RecordsTableName"],
        KeyConditionExpression="pk = :tenant AND begins_with(sk, :document)",
        ExpressionAttributeValues={
            ":tenant": {"S": "TENANT#local"},
            ":document": {"S": "DOCUMENT#"},
        },
    )
    return [item["status"]["S"] for page in found for item in page["Items"]]


def _delete(cloud: CloudProcess, documents: list[str]) -> None:
    caller = _caller(cloud)

    def delete(document_id: str) -> None:
        caller.api.delete(f"/v1/documents/{document_id}").raise_for_status()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(delete, documents))
    until(lambda: not _statuses(cloud), "documents to go", PATIENCE_S)
    caller.api.close()
