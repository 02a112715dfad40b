"""How long a search takes at 10,000 and 100,000 chunks: the scan, the engine, and the whole API.

One index is filled twice as far as it has to be. At each size the same questions are asked of the
bare scan of the vectors, of the engine in this process, of the engine behind HTTP, and of
`POST /v1/search`. What the API calls on its way is measured by itself beside it, in turn.

The texts are of invented words, as frequent as a language's are; the vectors are random. A scan
takes the same time whatever the vectors are.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from botocore.config import Config
from numpy.typing import NDArray

from benchmarks.bench_environment import PROJECT
from benchmarks.prose import Prose
from benchmarks.reporting import Result, spread
from chalicelib.adapters.record_writes import document_key
from chalicelib.inference.embedder import DIMENSIONS, Embedder
from chalicelib.retrieval.ids import vector_key
from localcloud.s3vectors import S3VectorsService
from localcloud.s3vectors.matrix import Matrix, nearest
from localcloud.service import Surroundings
from tests.clients import client
from tests.cloud import CloudProcess

SIZES = (10_000, 100_000)
CHUNKS_A_DOCUMENT = 100
SENTENCES_A_CHUNK = 6
BATCH = 500
TOP_K = 10
FETCHED = 50
"""What the API asks the index for, to have `TOP_K` when versions and overlaps are sorted out."""
WARM_UP = 5
TENANT = "local"

Seconds = dict[str, list[float]]
Turn = Callable[[int], object]


class Corpus:
    """Chunks that are the same each time, and questions about them with their vectors."""

    def __init__(self, questions: int) -> None:
        """Write `SIZES[-1]` texts and so many questions."""
        prose = Prose.of(seed=7)
        self.texts = prose.passages(SIZES[-1], SENTENCES_A_CHUNK)
        self.questions = prose.questions(questions)
        embedder = Embedder.open(PROJECT / "models" / "cache")
        self.vectors = embedder.embed(self.questions)

    def batches(self, first: int, last: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the vectors of the chunks `first` to `last`, as PutVectors takes them."""
        for start in range(first, last, BATCH):
            rows = unit_vectors(start, BATCH).tolist()
            yield [self._chunk(start + place, row) for place, row in enumerate(rows)]

    def _chunk(self, number: int, row: list[float]) -> dict[str, Any]:
        document, version = of_document(number // CHUNKS_A_DOCUMENT)
        text, n = self.texts[number], number % CHUNKS_A_DOCUMENT
        metadata = {
            "document_id": document,
            "version": version,
            "collection": "default",
            "path": f"{document}.txt",
            "page": n + 1,
            "heading": "",
            "start": 0,
            "end": len(text),
            "text": text,
            "media_type": "text/plain",
            "language": "en",
            "uploaded_at": 1_780_000_000,
        }
        key = vector_key(document, version, n)
        return {"key": key, "data": {"float32": row}, "metadata": metadata}


def of_document(number: int) -> tuple[str, str]:
    """Return the ids of a document and of its only version."""
    return f"doc_{number:024d}", f"v_{number:024d}"


def unit_vectors(seed: int, count: int) -> NDArray[np.float32]:
    """Return random vectors of unit length, the same for the same seed."""
    found = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    lengths: NDArray[np.float32] = np.linalg.norm(found, axis=1, keepdims=True)
    return found / lengths


def measure(repetitions: int) -> Result:
    """Ask `repetitions` questions at each size."""
    corpus = Corpus(WARM_UP + repetitions)
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


class _started:  # noqa: N801 - a context manager
    """A cloud on a folder, as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self._cloud = CloudProcess(folder)

    def __enter__(self) -> CloudProcess:
        return self._cloud.start()

    def __exit__(self, *_: object) -> None:
        self._cloud.stop()


def _known(folder: Path, first: int, last: int) -> dict[str, str]:
    """Record the documents of the chunks `first` to `last`; return the index of the tenant."""
    with _started(folder) as cloud:
        dynamodb = cloud.client("dynamodb")
        table = cloud.outputs["RecordsTableName"]
        documents = range(first // CHUNKS_A_DOCUMENT, last // CHUNKS_A_DOCUMENT)
        for start in range(documents.start, documents.stop, 25):
            puts = [_put(number) for number in documents[start - first // CHUNKS_A_DOCUMENT :][:25]]
            dynamodb.batch_write_item(RequestItems={table: puts})
        bucket = cloud.outputs["VectorBucketName"]
        (found,) = cloud.client("s3vectors").list_indexes(vectorBucketName=bucket)["indexes"]
    return {"vectorBucketName": bucket, "indexName": found["indexName"]}


def _put(number: int) -> dict[str, Any]:
    document, version = of_document(number)
    partition, sort = document_key(TENANT, document)
    item = {"pk": partition, "sk": sort, "document_id": document, "version": version}
    return {"PutRequest": {"Item": {name: {"S": value} for name, value in item.items()}}}


def _in_process(
    folder: Path, index: Mapping[str, str], corpus: Corpus, first: int, last: int
) -> tuple[Seconds, float]:
    """Put the chunks `first` to `last`, and ask the scan and the engine without any server."""
    engine = S3VectorsService(Surroundings(folder, ""))
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
    matrix = Matrix(DIMENSIONS, "cosine")
    for start in range(0, size, BATCH):
        for row in unit_vectors(start, BATCH):
            matrix.append(row)
    everything = np.ones(size, np.bool_)

    def scan(number: int) -> list[int]:
        return nearest(matrix.distances(corpus.vectors[number]), everything, FETCHED)

    return scan


def asked(index: Mapping[str, str], corpus: Corpus, number: int) -> dict[str, Any]:
    """Return the query of the index that a search makes of question `number`."""
    return {
        **index,
        "topK": FETCHED,
        "queryVector": {"float32": corpus.vectors[number].tolist()},
        "queryTexts": [{"text": corpus.questions[number], "metadataKey": "text"}],
        "returnMetadata": True,
        "returnDistance": True,
        "returnScores": True,
    }


def _through_http(cloud: CloudProcess, index: Mapping[str, str], corpus: Corpus) -> Seconds:
    """Ask the engine behind HTTP and the API, and what the API asks on its way."""
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

        def document(number: int) -> None:
            api.get(f"/v1/documents/{of_document(number)[0]}")

        turns: dict[str, Turn] = {
            "engine through HTTP": lambda number: vectors.query_vectors(
                **asked(index, corpus, number)
            ),
            "POST /v1/search": search,
            "embed_text alone": embedded,
            "reading 50 records alone": current,
            "GET of an unknown document": document,
        }
        return timed(turns, len(corpus.questions))


def _function(functions: Any, name: str) -> str:
    """Return the function whose name ends so."""
    (found,) = (
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["FunctionName"].endswith(name)
    )
    return str(found)


def timed(turns: Mapping[str, Turn], count: int) -> Seconds:
    """Return how long each took with the numbers 0 to `count`, in turn."""
    seconds: Seconds = defaultdict(list)
    for number in range(count):
        for name, turn in _rotated(list(turns.items()), number):
            began = time.perf_counter()
            turn(number)
            seconds[name].append(time.perf_counter() - began)
    return seconds


def _rotated(turns: Sequence[tuple[str, Turn]], number: int) -> Sequence[tuple[str, Turn]]:
    """Return `turns` from another one on each time, so that none always follows the same."""
    at = number % len(turns)
    return (*turns[at:], *turns[:at])
