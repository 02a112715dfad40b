"""Search latency at 10,000 and 100,000 chunks: the scan, the engine, and the whole API.

One index is filled up to each size in turn. At each size the same questions are sent to the plain
scan of the vectors, to the engine in this process, to the engine behind HTTP, and to `POST
/v1/search`. The calls that the API makes on its way are measured separately, in turn.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from botocore.config import Config

from benchmarks.reporting import Result, spread
from benchmarks.search_corpus import (
    BATCH,
    CHUNKS_A_DOCUMENT,
    Corpus,
    of_document,
    unit_vectors,
)
from chalicelib.adapters.records.writes import document_key
from chalicelib.adapters.s3vectors import TERMS_KEY
from chalicelib.inference.embedder import DIMENSIONS
from chalicelib.retrieval.search.query import fit_query_text
from chalicelib.retrieval.search.ranking import fetch_count
from chalicelib.retrieval.search.searcher import MAX_FETCHED
from localcloud.s3vectors import S3VectorsService
from localcloud.s3vectors.memory_index import VectorMatrix, nearest
from localcloud.service import CloudContext
from tests.clients import client
from tests.cloud import CloudProcess

SIZES = (10_000, 100_000)
TOP_K = 10
FETCHED = fetch_count(TOP_K, MAX_FETCHED)
"""What the API asks the index for, to have `TOP_K` when versions and overlaps are sorted out."""
WARM_UP = 5
MOST_WRITES = 25
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
TENANT = "local"

UNKNOWN = "doc_" + "a" * 24

Seconds = dict[str, list[float]]
Turn = Callable[[int], object]


def measure(repetitions: int) -> Result:
    """Ask `repetitions` questions at each size."""
    corpus = Corpus(SIZES[-1], WARM_UP + repetitions)
    measured, facts = {}, {}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as made:
        folder = Path(made) / "cloud"
        before = 0
        for size in SIZES:
            index = _known(folder, before, size)
            seconds, loading = _in_process(folder, index, corpus, before, size)
            with _started(folder) as cloud:
                seconds |= _through_http(cloud, index, corpus)
            for name, took in seconds.items():
                milliseconds = [each * 1000 for each in took[WARM_UP:]]
                measured[f"{size:,} chunks, {name}"] = spread(milliseconds, "ms")
            facts[f"{size:,} chunks, first query loads the index, seconds"] = round(loading, 1)
            before = size
    return Result(
        name="search",
        repetitions=repetitions,
        measured=measured,
        facts={"hits asked of the index": FETCHED, "passages a search": TOP_K, **facts},
        notes=(
            "The scan: cosines of all vectors, and the nearest of them.",
            "The engine: QueryVectors by vector and words, fused, with what the chunks carry.",
            "One caller, one question at a time; functions are warm, and so is the index.",
        ),
    )


@contextmanager
def _started(folder: Path) -> Iterator[CloudProcess]:
    """Yield a cloud on a folder, as long as the block lasts."""
    cloud = CloudProcess(folder, account="laptop").start()
    try:
        yield cloud
    finally:
        cloud.stop()


def _known(folder: Path, first: int, last: int) -> dict[str, str]:
    """Record the documents of the chunks `first` to `last`; return the tenant's index."""
    with _started(folder) as cloud:
        dynamodb = cloud.client("dynamodb")
        table = cloud.outputs["RecordsTableName"]
        documents = range(first // CHUNKS_A_DOCUMENT, last // CHUNKS_A_DOCUMENT)
        for place in range(0, len(documents), MOST_WRITES):
            puts = [_put(number) for number in documents[place : place + MOST_WRITES]]
            dynamodb.batch_write_item(RequestItems={table: puts})
        bucket = cloud.outputs["VectorBucketName"]
        (found,) = cloud.client("s3vectors").list_indexes(vectorBucketName=bucket)["indexes"]
    return {"vectorBucketName": bucket, "indexName": found["indexName"]}


def fill(folder: Path, corpus: Corpus, size: int) -> None:
    """Put the documents and the vectors of `size` chunks into the data folder of a new cloud."""
    index = _known(folder, 0, size)
    engine = S3VectorsService(CloudContext(folder, ""))
    try:
        for vectors in corpus.batches(0, size):
            engine.put_vectors({**index, "vectors": vectors})
    finally:
        engine.stop()


def _put(number: int) -> dict[str, Any]:
    document, version = of_document(number)
    partition, sort = document_key(TENANT, document)
    item = {"pk": partition, "sk": sort, "document_id": document, "version": version}
    return {"PutRequest": {"Item": {name: {"S": value} for name, value in item.items()}}}


def _in_process(
    folder: Path, index: Mapping[str, str], corpus: Corpus, first: int, last: int
) -> tuple[Seconds, float]:
    """Store the chunks `first` to `last`, and query the scan and the engine without a server."""
    engine = S3VectorsService(CloudContext(folder, ""))
    try:
        for vectors in corpus.batches(first, last):
            engine.put_vectors({**index, "vectors": vectors})
        began = time.perf_counter()
        engine.query_vectors(asked(index, corpus, 0))
        loading = time.perf_counter() - began
        scanned = _scan(last, corpus)
        turns: dict[str, Turn] = {
            "scan of the vectors": scanned,
            "engine": lambda number: engine.query_vectors(asked(index, corpus, number)),
        }
        return timed(turns, len(corpus.questions)), loading
    finally:
        engine.stop()


def _scan(size: int, corpus: Corpus) -> Turn:
    matrix = VectorMatrix(DIMENSIONS, "cosine")
    for start in range(0, size, BATCH):
        for row in unit_vectors(start, BATCH):
            matrix.append(row)
    everything = np.ones(size, np.bool_)

    def scan(number: int) -> list[int]:
        return nearest(matrix.distances(corpus.vectors[number]), everything, FETCHED)

    return scan


def asked(index: Mapping[str, str], corpus: Corpus, number: int) -> dict[str, Any]:
    """Return the index query that a search makes of question `number`."""
    text = fit_query_text(corpus.questions[number], as_terms=True).text
    return {
        **index,
        "topK": FETCHED,
        "queryVector": {"float32": corpus.vectors[number].tolist()},
        "queryTexts": [{"text": text, "metadataKey": TERMS_KEY}],
        "returnMetadata": True,
        "returnDistance": True,
        "returnScores": True,
    }


def _through_http(cloud: CloudProcess, index: Mapping[str, str], corpus: Corpus) -> Seconds:
    """Query the engine behind HTTP and the API, and repeat the API's inner calls."""
    patient = Config(read_timeout=120, retries={"total_max_attempts": 1})
    vectors = client("s3vectors", endpoint_url=cloud.endpoint_url, config=patient)
    functions, dynamodb = cloud.client("lambda"), cloud.client("dynamodb")
    table = cloud.outputs["RecordsTableName"]
    embed = _function(functions, "embed-text")
    headers = {"Authorization": f"Bearer {cloud.api_key}"}
    with httpx.Client(base_url=cloud.endpoint_url, headers=headers, timeout=60) as api:

        def search(number: int) -> None:
            body = {"query": corpus.questions[number], "top_k": TOP_K}
            answer = api.post("/v1/search", json=body)
            answer.raise_for_status()
            if len(answer.json()["hits"]) != TOP_K:
                raise RuntimeError(f"{len(answer.json()['hits'])} hits: {answer.text[:300]}")

        def embedded(number: int) -> bytes:
            payload = json.dumps({"texts": [corpus.questions[number]], "truncate": True})
            found: bytes = functions.invoke(FunctionName=embed, Payload=payload)["Payload"].read()
            return found

        def current(number: int) -> object:
            keys = [_put(each)["PutRequest"]["Item"] for each in range(number, number + FETCHED)]
            wanted = [{"pk": key["pk"], "sk": key["sk"]} for key in keys]
            return dynamodb.batch_get_item(RequestItems={table: {"Keys": wanted}})

        def document(_: int) -> None:
            answer = api.get(f"/v1/documents/{UNKNOWN}")
            if answer.status_code != HTTPStatus.NOT_FOUND:
                raise RuntimeError(f"a document that is not there: {answer.text[:300]}")

        turns: dict[str, Turn] = {
            "engine through HTTP": lambda number: vectors.query_vectors(
                **asked(index, corpus, number)
            ),
            "POST /v1/search": search,
            "embed_text alone": embedded,
            f"reading {FETCHED} records alone": current,
            "GET of an unknown document": document,
        }
        return timed(turns, len(corpus.questions))


def _function(functions: Any, name: str) -> str:
    """Return the function whose name has this ending."""
    (found,) = (
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["FunctionName"].endswith(name)
    )
    return str(found)


def timed(turns: Mapping[str, Turn], count: int) -> Seconds:
    """Return the durations of each with the numbers 0 to `count`, in turn."""
    seconds: Seconds = defaultdict(list)
    for number in range(count):
        for name, turn in _rotated(list(turns.items()), number):
            began = time.perf_counter()
            turn(number)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def _rotated(turns: Sequence[tuple[str, Turn]], number: int) -> Sequence[tuple[str, Turn]]:
    """Return `turns` rotated by `number`, so that none always follows the same."""
    at = number % len(turns)
    return (*turns[at:], *turns[:at])
