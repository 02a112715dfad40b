"""Workload of every function of a stage, to measure its CPU time and memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import real_pages, small_documents, small_films
from benchmarks.coldstart_events import schedule_due_event
from benchmarks.running_cloud import Caller, until
from benchmarks.sizing_generations import Generations
from benchmarks.sizing_hearing import Hearing
from benchmarks.sizing_looking import Looking
from benchmarks.sizing_telling import Telling
from infra import stages
from infra.reindex import Reindexing
from tests import exported_models
from tests.cloud import PROJECT
from tests.integration.webhooks.receiver import receiving

COLLECTION = "sizing"
TENANT = "local"
NOT_FOUND = 404
OPEN = ("queued", "running")
PATIENCE_S = 400.0
PAGES_IN_PARTS = 130
PAGES_SCANNED = 6
FILM_S, LONG_FILM_S = 2, 400
CASES_AT_ONCE = 40
MOST_PICTURES, LARGEST_SIDE = 8, 4096
CHECKED = PROJECT / "functions" / "check_support" / "event.json"
"""What it is asked where a model has worded an answer, which the local one seldom does."""
LOOKED_AT = PROJECT / "functions" / "screen_image" / "event.json"
PHOTOGRAPH = PROJECT / "tests" / "data" / "pictures" / "coffee.webp"
SCHEDULED = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2026-05-04T12:29:59Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}


@dataclass(slots=True)
class Work:
    """Calls of a caller; `number` makes every document different."""

    caller: Caller
    number: int = 0

    def touch(self) -> None:
        """Send one request to the API, for a document that does not exist."""
        answer = self.caller.api.get("/v1/documents/doc_aaaaaaaaaaaaaaaaaaaaaaaa")
        if answer.status_code != NOT_FOUND:
            raise RuntimeError(f"The API answers {answer.status_code}: {answer.text}")

    def small(self) -> None:
        """Send small events to every function that they reach, once."""
        self.number += 1
        self._ingest(f"{self.number}.md", small_documents.markdown(self.number))
        self._ingest(f"{self.number}.webp", PHOTOGRAPH.read_bytes() + bytes(self.number))
        self._ingest(f"{self.number}.mp4", small_films.film(FILM_S, self.number))
        self._ask()
        self._jobs()
        self._extract()
        self.evaluate(2)
        self._generations.small(self.number)
        self._screen()
        self._draw(1, 1024)
        self._looking.small()
        self._telling.small()
        Hearing(self.caller).small()
        for name in ("sweep", "sweep_jobs"):
            self._invoke(f"app.{name}", SCHEDULED)
        self._invoke("app.schedule_due", schedule_due_event())
        self._invoke("functions.check_support.handler.handler", json.loads(CHECKED.read_text()))

    def large(self) -> None:
        """Send large inputs to the functions that do not limit them."""
        shown = real_pages.pages(PAGES_IN_PARTS)
        self._ingest("parts.pdf", real_pages.pdf(shown))
        self._ingest("scan.pdf", real_pages.scan(shown[:PAGES_SCANNED]))
        self._ingest("long.mp4", small_films.film(LONG_FILM_S, self.number + 1))
        self._generations.large()
        self._draw(MOST_PICTURES, LARGEST_SIDE)
        self._extract()
        self.evaluate(CASES_AT_ONCE)
        self._looking.large()
        self._telling.large()
        Hearing(self.caller).large()
        self._export()

    def another_model(self, model: str) -> None:
        """Move the tenant to `model`."""
        place = stages.StageConnection(self.caller.cloud.client, self.caller.cloud.outputs)
        self._ended(Reindexing(place).start(TENANT, model).job_id)

    @property
    def _generations(self) -> Generations:
        return Generations(self.caller, self._ended)

    @property
    def _looking(self) -> Looking:
        return Looking(self.caller, self._post)

    @property
    def _telling(self) -> Telling:
        return Telling(self.caller, self._post)

    def _ingest(self, path: str, content: bytes) -> None:
        announced = self.caller.announce(path, content, COLLECTION)
        self.caller.post(announced, content)
        self.caller.settled(announced["document_id"], PATIENCE_S)

    def _ask(self) -> None:
        question = small_documents.question(self.number)
        said = {"collection": COLLECTION}
        self._post("/v1/search", {"query": question, "rerank": True, **said})
        photograph = base64.b64encode(PHOTOGRAPH.read_bytes()).decode()
        image = {"media_type": "image/webp", "data": photograph}
        self._post("/v1/search", {"image": image, **said})
        self._post("/v1/ask", {"question": question, "tier": "llm", **said})
        self._post("/v1/ask/stream", {"question": question, "tier": "extractive", **said})

    def _extract(self) -> None:
        """Extract from the collection's documents, by a job."""
        schema = {
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "date": {"type": "string", "format": "date"},
                "amount": {"type": "number"},
            },
        }
        asked = {"json_schema": schema, "collection": COLLECTION}
        answer = self.caller.api.post("/v1/extractions", json=asked)
        answer.raise_for_status()
        self._ended(str(answer.json()["job_id"]))

    def evaluate(self, cases: int) -> None:
        """Run a suite of questions to documents and to a model."""
        ask = {"kind": "ask", "name": "ask", "collection": COLLECTION, "question": "question"}
        model = {"kind": "model", "name": "model", "model": "nova-micro", "input": "question"}
        suite = {
            "name": "sizing",
            "targets": [ask, {**model, "max_tokens": 4}],
            "graders": [{"type": "rouge"}, {"type": "similarity"}, {"type": "citations"}],
            "cases": [
                {"id": f"c{n}", "variables": {"question": question}, "expected": question}
                for n in range(cases)
                for question in [f"{small_documents.question(self.number)} {n}"]
            ],
        }
        answer = self.caller.api.post("/v1/evaluations", json={"suite": suite})
        answer.raise_for_status()
        self._ended(str(answer.json()["evaluation_id"]))

    def _screen(self) -> None:
        text = small_documents.markdown(self.number).decode()
        self._post("/v1/screenings", {"texts": [text], "mask": ["personal-data"]})
        picture = json.loads(LOOKED_AT.read_text())["data"]
        part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
        self._post("/v1/moderations", {"input": [part]})

    def _draw(self, count: int, side: int) -> None:
        """Have pictures drawn by a served version, the same one each time."""
        cloud = self.caller.cloud
        bucket, s3 = cloud.outputs["DocumentsBucketName"], cloud.client("s3")
        says = exported_models.serving(exported_models.put(s3, bucket, exported_models.decoder()))
        exported_models.name(s3, bucket, says)
        said = {"model": says.name, "prompt": "a digit", "n": count, "size": f"{side}x{side}"}
        self._post("/v1/images/generations", said)

    def _jobs(self) -> None:
        self._export()
        path = f"going-{self.number}"
        announced = self.caller.announce("gone.md", small_documents.markdown(self.number), path)
        self.caller.post(announced, small_documents.markdown(self.number))
        self.caller.settled(announced["document_id"], PATIENCE_S)
        self._job("DELETE", f"/v1/collections/{path}/documents")

    def _export(self) -> None:
        self._job("POST", "/v1/exports", {})

    def _job(self, method: str, path: str, body: object = None) -> None:
        answer = self.caller.api.request(method, path, json=body)
        answer.raise_for_status()
        self._ended(str(answer.json()["job_id"]))

    def _ended(self, job_id: str) -> None:
        def look() -> Mapping[str, Any] | None:
            job: Mapping[str, Any] = self.caller.api.get(f"/v1/jobs/{job_id}").json()
            return None if job["status"] in OPEN else job

        job = until(look, f"{job_id} to end", PATIENCE_S)
        if job["status"] != "succeeded":
            raise RuntimeError(f"The job ended as {job}.")

    def _post(self, path: str, body: object) -> None:
        self.caller.api.post(path, json=body).raise_for_status()

    def _invoke(self, handler: str, event: Mapping[str, Any]) -> None:
        functions = self.caller.cloud.client("lambda")
        (name,) = (
            each["FunctionName"] for each in self.caller.functions() if each["Handler"] == handler
        )
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        if "FunctionError" in answer:
            raise RuntimeError(f"{handler} failed: {answer['Payload'].read()!r}")


@contextmanager
def told_to_a_receiver(caller: Caller) -> Iterator[Callable[[], int]]:
    """Register a receiver of ready documents; yield its counter of notifications."""
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hook"
        made = caller.api.post("/v1/webhooks", json={"url": url, "events": ["document.ready"]})
        made.raise_for_status()
        yield lambda: len(receiver.got)
