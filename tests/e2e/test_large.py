"""Files that no one step could carry: counted from the file, from the parts and from the index."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fpdf import FPDF

from chalicelib.contracts.ingest import Chunk, ReadResult
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.parts import EmbeddingPart, Part
from chalicelib.retrieval.ids import version_prefix
from tests.cloud import CloudProcess
from tests.e2e.driving import ENDED, INDEX, Audit, api_of, until, upload
from tests.unit.ingest.examples import work

PAGES = 500
ROWS = 45_000
MOMENT = "2026-05-04T10:00:00.000Z"


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        yield client


def book() -> bytes:
    """Return a PDF of 500 pages, two short paragraphs each."""
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    for n in range(1, PAGES + 1):
        pdf.add_page()
        first = f"Turbine {n} was built in {1400 + n} and gives {3 * n} kilowatts."
        pdf.multi_cell(0, 6, f"{first}\n\nThe keeper of gate {n} reports to the station.")
    return bytes(pdf.output())


def watched(api: httpx.Client, document_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the document once it has ended, and the progress that it showed until then."""
    seen: list[dict[str, Any]] = []

    def ended() -> dict[str, Any] | None:
        answer = api.get(f"/v1/documents/{document_id}")
        if answer.status_code != 200:
            return None
        document: dict[str, Any] = answer.json()
        if document["progress"] and document["progress"] not in seen:
            seen.append(document["progress"])
        return document if document["status"] in ENDED else None

    return until(ended, f"{document_id} did not settle", 240), seen


def lines_of(cloud: CloudProcess, document: dict[str, Any], name: str) -> list[bytes]:
    key = version_prefix("local", document["document_id"], document["version"]) + name
    bucket = cloud.outputs["DocumentsBucketName"]
    body: bytes = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.splitlines()


def test_a_book_of_500_pages_should_be_read_in_parts_and_reconcile(
    cloud: CloudProcess, api: httpx.Client
) -> None:
    document, seen = watched(api, upload(api, "book.pdf", book(), "large"))
    assert (document["status"], document["pages"]) == ("ready", PAGES), document["reason"]
    assert [json.loads(line)["page"] for line in lines_of(cloud, document, "pages.jsonl")] == list(
        range(1, PAGES + 1)
    )
    chunks = [json.loads(line) for line in lines_of(cloud, document, "chunks.jsonl")]
    assert [chunk["n"] for chunk in chunks] == list(range(document["chunks"]))
    assert len(set(Audit(cloud).vectors_of(document["document_id"]))) == document["chunks"]
    assert {step["stage"] for step in seen} <= {"reading", "embedding"}
    for stage in ("reading", "embedding"):
        done = [step["parts_done"] for step in seen if step["stage"] == stage]
        assert done == sorted(done)
    assert seen

    receipt = document["receipt"]
    roles = [line["role"] for line in receipt["lines"]]
    assert roles == [
        "reading", "chunking", "embedding", "gathering", "indexing", "parts", "orchestration",
        "requests",
    ]  # fmt: skip
    parts = len(lines_of(cloud, document, "parts.jsonl"))
    embedding_parts = len(lines_of(cloud, document, "embedding.jsonl"))
    (execution,) = [
        each
        for each in Audit(cloud).executions()
        if each["name"].startswith(f"{document['version']}-")
    ]
    history = Audit(cloud).history(execution["executionArn"])
    entered = [event for event in history if event["type"].endswith("StateEntered")]
    assert receipt["transitions"] == len(entered) + parts + embedding_parts

    query = {"query": "When was turbine 321 built?", "collection": "large", "limit": 10}
    hits = api.post("/v1/search", json=query).json()["hits"]
    assert 321 in [hit["page"] for hit in hits]


def table() -> bytes:
    """Return a CSV of some 3 MB, with quotes and line ends in its cells."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["id", "town", "amount", "note"])
    for n in range(ROWS):
        note = 'said "open it",\nthen left' if n % 10 == 0 else "the gate was opened as planned"
        writer.writerow([n, ("Bern", "Zürich", "Genève")[n % 3], f"{n / 7:.2f}", note])
    return out.getvalue().encode()


class Functions:
    """The functions of the ingest, called as its state machine would call them."""

    def __init__(self, cloud: CloudProcess) -> None:
        self.cloud = cloud
        self.s3 = cloud.client("s3")
        self.bucket = cloud.outputs["DocumentsBucketName"]
        place = work(version_id=uuid.uuid4().hex)
        update = {"tenant": "local", "bucket": self.bucket, "key": "inbox/big.csv"}
        self.work = place.model_copy(update=update)
        self.place = ("local", place.document_id, place.version)

    def call(self, name: str, **more: Any) -> tuple[dict[str, Any], str]:
        """Return what a function answers, and the name of its error or ""."""
        payload = {**self.work.model_dump(mode="json"), **more}
        answer = self.cloud.client("lambda").invoke(
            FunctionName=f"headrace-local-{name}", Payload=json.dumps(payload)
        )
        said: dict[str, Any] = json.loads(answer["Payload"].read())
        return said, said["errorType"] if "FunctionError" in answer else ""

    def ask(self, name: str, **more: Any) -> dict[str, Any]:
        said, error = self.call(name, **more)
        assert not error, said
        return said

    def part(self, part: Part) -> dict[str, Any]:
        """Read and chunk a part as a child of the Map Run does."""
        read = self.ask("read-document", part=part.model_dump())
        chunked = self.ask("chunk-document", part=part.part, pages=read["pages"])
        nothing = {"seconds": 0, "gb_seconds": 0, "requests": 0}
        return {**read, **chunked, "pages_needing_ocr": 0, "recognising": nothing}

    def results(self, outputs: list[dict[str, Any]]) -> dict[str, str]:
        """Write what the Map Run writes."""
        prefix = version_prefix(*self.place) + "runs/"
        lines = (
            {"Output": json.dumps(output), "StartDate": MOMENT, "StopDate": MOMENT}
            for output in outputs
        )
        body = "\n".join(map(json.dumps, lines)).encode()
        self.s3.put_object(Bucket=self.bucket, Key=prefix + "done.jsonl", Body=body)
        manifest = {"ResultFiles": {"SUCCEEDED": [{"Key": prefix + "done.jsonl"}]}}
        key = prefix + "manifest.json"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(manifest).encode())
        return {"Bucket": self.bucket, "Key": key}

    def lines(self, name: str, start: int = 0, end: int = 0) -> bytes:
        key = version_prefix(*self.place) + name
        wanted = {"Range": f"bytes={start}-{end - 1}"} if end else {}
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key, **wanted)["Body"].read()
        return body


def test_a_large_table_should_be_read_whole_and_embedded_part_by_part(
    cloud: CloudProcess,
) -> None:
    functions = Functions(cloud)
    content = table()
    stored = functions.s3.put_object(Bucket=functions.bucket, Key="inbox/big.csv", Body=content)
    sizes = {"object_version_id": stored["VersionId"], "bytes": len(content), "path": "big.csv"}
    functions.work = functions.work.model_copy(update=sizes)
    said, error = functions.call("read-document")
    assert error == "MoreSteps", said
    planned = ReadResult.model_validate_json(said["errorMessage"])
    assert (planned.rows, planned.pages) == (ROWS, ROWS // 100)
    parts = parse_lines(functions.lines("parts.jsonl"), Part, planned.parts)

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(functions.part, parts))
    gathered = functions.ask(
        "gather-parts",
        parts=planned.parts,
        pages=planned.pages,
        rows=planned.rows,
        results=functions.results(done),
        reading=planned.reading.model_dump(),
    )
    assert gathered["chunks"] == sum(part["chunks"] for part in done) > ROWS / 20

    body = functions.lines("embedding.jsonl")
    embedding = parse_lines(body, EmbeddingPart, gathered["embedding_parts"])
    sample = embedding[len(embedding) // 2]
    chunks = parse_lines(
        functions.lines("chunks.jsonl", sample.start, sample.end), Chunk, sample.chunks
    )
    assert chunks[0].n == sample.first_chunk
    assert "| id | town | amount | note |" in chunks[0].text
    embedded = functions.ask("embed-chunks", part=sample.model_dump())
    keys = Audit(cloud).vectors_of(functions.work.document_id)
    assert embedded["vectors"] == len(keys) == sample.chunks
    where = {"vectorBucketName": cloud.outputs["VectorBucketName"], "indexName": INDEX}
    for at in range(0, len(keys), 500):
        cloud.client("s3vectors").delete_vectors(keys=keys[at : at + 500], **where)
