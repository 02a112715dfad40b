"""Jobs from request to end: exports, removals, and another embedding model."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from chalicelib.contracts.serving import pinned_name
from chalicelib.errors import NotFound
from infra import stages
from infra.reindex import Reindexing
from models.pull.cache import pull
from tests.cloud import PROJECT, CloudProcess
from tests.e2e.driving import client_of, settled, until, upload
from tests.e2e.serving import asked, refused, serve
from tests.e2e.tenants import Tenant, make_tenant
from tests.exported_texts import embedder
from tests.soak import WHOLE

NEXT_MODEL = "minilm-l6-v2-fp32"
TUNED = "foldoc-search"
TEXT = "Pump {0} moves {0} litres a second. The seal of pump {0} was renewed in year {1}."
SAME = 0.9999
"""How near a passage is to itself by one model; int8 and fp32 are less near to each other."""


@pytest.fixture
def tenant(cloud: CloudProcess, request: pytest.FixtureRequest) -> Iterator[Tenant]:
    made = make_tenant(cloud, "jobs")
    yield made
    made.api.close()


def text_of(pump: int, year: int = 0) -> bytes:
    return TEXT.format(pump, year).encode()


def ready(tenant: Tenant, document_id: str) -> None:
    document = settled(tenant.api, document_id)
    assert document["status"] == "ready", document


def fetched(tenant: Tenant, job_id: str) -> dict[str, bytes]:
    """Every file of an export: those of all ZIP files, and the others as they are."""
    files: dict[str, bytes] = {}
    for result in tenant.ended(job_id)["results"]:
        answer = httpx.get(result["url"])
        assert (answer.status_code, len(answer.content)) == (200, result["bytes"])
        if result["name"].endswith(".zip"):
            with ZipFile(io.BytesIO(answer.content)) as archive:
                files |= {name: archive.read(name) for name in archive.namelist()}
        else:
            files[result["name"]] = answer.content
    return files


def test_an_export_gives_back_the_bytes_that_were_uploaded(tenant: Tenant) -> None:
    uploads = {f"reports/{n}.txt": text_of(n) for n in range(5)}
    ids = {path: upload(tenant.api, path, body, "a") for path, body in uploads.items()}
    broken = upload(tenant.api, "broken.pdf", b"%PDF-1.7 cut off", "a")
    for document_id in ids.values():
        ready(tenant, document_id)
    assert settled(tenant.api, broken)["status"] == "rejected"
    job_id = tenant.job("POST", "/v1/exports", {})
    files = fetched(tenant, job_id)
    for path, document_id in ids.items():
        folder = f"documents/{document_id}"
        assert files[f"{folder}/source/{path.rsplit('/', 1)[-1]}"] == uploads[path]
        record = json.loads(files[f"{folder}/record.json"])
        assert record["sha256"] == hashlib.sha256(uploads[path]).hexdigest()
        assert files[f"{folder}/chunks.jsonl"].count(b"\n") == record["chunks"]
    assert files[f"documents/{broken}/source/broken.pdf"] == b"%PDF-1.7 cut off"
    told = json.loads(files["summary.json"])["documents"]
    assert told == {"listed": 6, "exported": 6, "failed": 0}


def test_the_documents_of_a_collection_are_removed_and_others_stay(tenant: Tenant) -> None:
    gone = [upload(tenant.api, f"{n}.txt", text_of(n), "gone") for n in range(3)]
    stays = upload(tenant.api, "stays.txt", text_of(9), "stays")
    for document_id in (*gone, stays):
        ready(tenant, document_id)
    job = tenant.ended(tenant.job("DELETE", "/v1/collections/gone/documents"))
    assert (job["status"], job["counts"]["total"], job["counts"]["done"]) == ("succeeded", 3, 3)
    assert [tenant.api.get(f"/v1/documents/{each}").status_code for each in gone] == [404] * 3
    assert {key.split("/")[0] for key in next(iter(tenant.indexes().values()))} == {stays}


@pytest.mark.timeout(180)
def test_of_a_tenant_that_was_removed_nothing_is_left_anywhere(tenant: Tenant) -> None:
    for n in range(4):
        ready(tenant, upload(tenant.api, f"{n}.txt", text_of(n), "a"))
    ready(tenant, upload(tenant.api, "0.txt", text_of(0, year=2), "a"))
    tenant.ended(tenant.job("POST", "/v1/exports", {}))
    announced = tenant.api.post("/v1/documents", json={"path": "late.txt", "bytes": 5}).json()
    bucket = tenant.cloud.outputs["DocumentsBucketName"]
    for rows in (f"models/pairs/{tenant.name}/run/", f"models/data/tenants/{tenant.name}/v/"):
        key = f"{rows}train.jsonl"
        tenant.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}\n")
    assert tenant.left()
    rest(tenant)
    running = upload(tenant.api, "running.txt", text_of(7), "a")
    job_id = tenant.job("DELETE", "/v1/tenant", {"tenant": tenant.name})
    assert tenant.job("DELETE", "/v1/tenant", {"tenant": tenant.name}) == job_id
    refused = tenant.api.post("/v1/documents", json={"path": "new.txt", "bytes": 5})
    assert refused.status_code in (403, 409)
    until(lambda: tenant.api.get("/v1/jobs").status_code == 403, "the key still lets in", 120)
    until(lambda: not tenant.left(), f"something is left: {tenant.left()}")
    form = announced["upload"]
    httpx.post(form["url"], data=form["fields"], files={"file": ("late.txt", b"late\n")})
    until(lambda: not tenant.left(), "what was uploaded late is left")
    told = json.loads(removal_of(tenant, job_id))
    assert told["documents"] in (4, 5), running
    assert told["removed"]["objects"] > 4
    assert {backup["days"] for backup in told["backups"]} == {0, 14, 30, 35, 90}


def rest(tenant: Tenant) -> None:
    """Begin a rollout whose next look is in an hour."""
    for text in ("One.", "Two."):
        body = {"name": "faq", "turns": [{"template": text}]}
        assert tenant.api.post("/v1/prompts", json=body).status_code == 201
    tenant.api.put("/v1/prompts/faq/labels/live", json={"version": 1})
    asked = {
        "subject": {"kind": "prompt", "name": "faq", "label": "live"},
        "to": "2",
        "window_seconds": 3600,
    }
    begun = tenant.api.post("/v1/rollouts", json=asked)
    assert begun.status_code == 202, begun.text
    path = f"/v1/rollouts/{begun.json()['rollout_id']}"
    until(lambda: tenant.api.get(path).json()["status"] == "running", "it does not begin")


def removal_of(tenant: Tenant, job_id: str) -> str:
    key = {"pk": {"S": f"REMOVED#{tenant.name}"}, "sk": {"S": f"JOB#{job_id}"}}
    table = tenant.cloud.outputs["RecordsTableName"]
    item = tenant.cloud.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    return str(item["removed"]["S"])


class Searching:
    """Searches for passages that are there all the time, until it is told to stop."""

    def __init__(self, tenant: Tenant, pumps: range) -> None:
        self._tenant = tenant
        self._pumps = pumps
        self._stopping = threading.Event()
        self.models: set[str] = set()
        self.searches = 0
        self.wrong: list[str] = []
        self._thread = threading.Thread(target=self._search)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _search(self) -> None:
        while not self._stopping.is_set():
            pump = self._pumps[self.searches % len(self._pumps)]
            embedded = (
                f"{pump}\n{text_of(pump).decode()}"  # A file's name stands above its passage.
            )
            body = {"query": embedded, "collection": "stays", "top_k": 1}
            answer = self._tenant.api.post("/v1/search", json=body)
            self.searches += 1
            if answer.status_code != 200:
                self.wrong.append(answer.text)
                continue
            found = answer.json()
            self.models.add(found["receipt"]["lines"][0]["model"])
            hit = found["hits"][0] if found["hits"] else {}
            nearness = hit.get("scores", {}).get("vector", {}).get("similarity", 0.0)
            if hit.get("path") != f"{pump}.txt" or nearness < SAME:
                self.wrong.append(f"pump {pump}: {hit.get('path')} at {nearness}")


@dataclass(frozen=True, slots=True)
class Takeover:
    """A tenant whose index of another model has just taken over, while documents changed.

    `searching` searched all the while; `document_ids` are of the documents that are there, and
    `model` is the version that made the new index.
    """

    tenant: Tenant
    job_id: str
    searching: Searching
    document_ids: tuple[str, ...]
    model: str


@pytest.fixture(scope="session")
def takeover(cloud: CloudProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Takeover]:
    """A takeover by a model that the stage trained, whose index of before still waits for queries
    that are under way.
    """
    tenant, pumps = make_tenant(cloud, "takeover"), range(6)
    kept = [upload(tenant.api, f"{n}.txt", text_of(n), "stays") for n in pumps]
    changed = [upload(tenant.api, f"c{n}.txt", text_of(n + 50), "changes") for n in range(6)]
    for document_id in (*kept, *changed):
        ready(tenant, document_id)
    reindexing = Reindexing(stages.StageConnection(tenant.cloud.client, tenant.cloud.outputs))
    with pytest.raises(NotFound, match=f"headrace models serve {TUNED} VERSION"):
        reindexing.start(tenant.name, TUNED)
    refused(tenant, 409, "/v1/embeddings", model=TUNED, input="a pump")
    words = (PROJECT / "models/cache/minilm-l6-v2-int8/tokenizer.json").read_bytes()
    served = serve(
        cloud,
        tmp_path_factory.mktemp("tuned"),
        TUNED,
        "headrace-local-text-embedder",
        embedder(words, dimensions=32),
    )
    searching = Searching(tenant, pumps)
    try:
        changed += [upload(tenant.api, f"n{n}.txt", text_of(n + 70), "changes") for n in range(3)]
        job_id = reindexing.start(tenant.name, TUNED).job_id
        for n in range(4):
            upload(tenant.api, f"c{n}.txt", text_of(n + 90, year=n), "changes")
        assert tenant.api.delete(f"/v1/documents/{changed.pop(5)}").status_code == 200
        changed += [upload(tenant.api, f"l{n}.txt", text_of(n + 80), "changes") for n in range(3)]
        wait_for(tenant, job_id, "dropping", 200)
        searched = searching.searches
        until(lambda: searching.searches > searched + len(pumps), "searches after the takeover")
        changed.append(upload(tenant.api, "after.txt", text_of(99), "changes"))
        ready(tenant, changed[-1])
    finally:
        searching.stop()
    model = pinned_name(TUNED, served.signature)
    yield Takeover(tenant, job_id, searching, (*kept, *changed), model)
    tenant.api.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_another_model_takes_over_while_documents_change_and_searches_never_mix(
    takeover: Takeover,
) -> None:
    assert takeover.searching.wrong == []
    assert takeover.searching.models == {"minilm-l6-v2-int8", takeover.model}
    told = asked(takeover.tenant, "/v1/embeddings", model=TUNED, input="a pump")
    assert len(told["data"][0]["embedding"]) == 32
    assert told["headrace"]["receipt"]["lines"][0]["model"] == takeover.model


@pytest.mark.late
@pytest.mark.timeout(300)
def test_the_index_of_the_model_before_goes_once_no_query_can_be_under_way(
    takeover: Takeover,
) -> None:
    tenant = takeover.tenant
    job = tenant.ended(takeover.job_id, seconds=200)
    assert job["status"] == "succeeded", job
    until(lambda: holds_what_answers(tenant, takeover.document_ids), "the index holds others")
    search = {"query": text_of(3).decode(), "collection": "stays", "top_k": 1}
    assert tenant.api.post("/v1/search", json=search).json()["hits"][0]["path"] == "3.txt"


def holds_what_answers(tenant: Tenant, document_ids: Sequence[str]) -> bool:
    """Say whether the tenant has one index, of the next model, with a vector a document."""
    documents = [settled(tenant.api, each) for each in document_ids]
    wanted = {f"{each['document_id']}/{each['version']}/000000" for each in documents}
    ((name, keys),) = tenant.indexes().items()
    assert TUNED in name
    return keys == wanted and len(wanted) == len(document_ids) == 18


KILLED_IN = ("embedding", "verifying", "dropping") if WHOLE else ("verifying",)
"""Phases of a reindexing at which the cloud is killed; in the last, an index waits for queries."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_jobs_go_on_after_the_whole_cloud_was_killed(
    tmp_path: Path, cloud_options: tuple[str, ...]
) -> None:
    pull([NEXT_MODEL], into=PROJECT / "models" / "cache")
    cloud = CloudProcess(tmp_path / "data", *cloud_options, audited=True).start()
    try:
        tenant = make_tenant(cloud, "killed")
        for n in range(4):
            ready(tenant, upload(tenant.api, f"{n}.txt", text_of(n), "stays"))
        reindexing = Reindexing(stages.StageConnection(cloud.client, cloud.outputs))
        job_id = reindexing.start(tenant.name, NEXT_MODEL).job_id
        for phase in KILLED_IN:
            wait_for(tenant, job_id, phase)
            export = tenant.job("POST", "/v1/exports", {})
            tenant = restarted(tenant)
            job = tenant.ended(export)
            assert (job["status"], job["counts"]["done"]) == ("succeeded", 4)
        if WHOLE:
            assert tenant.ended(job_id, seconds=150)["status"] == "succeeded"
        else:  # that the index of before goes after a wait is another test's
            wait_for(tenant, job_id, "dropping")
        tenant.api.close()
    finally:
        cloud.stop()


def restarted(tenant: Tenant) -> Tenant:
    """Kill the whole cloud, start it again, and return the tenant on it."""
    key = tenant.api.headers["Authorization"].removeprefix("Bearer ")
    tenant.api.close()
    tenant.cloud.kill()
    tenant.cloud.start()
    return Tenant(tenant.name, tenant.cloud, client_of(tenant.cloud, key))


def wait_for(tenant: Tenant, job_id: str, phase: str, seconds: float = 120) -> None:
    """Return once the job is in `phase`, or past it."""
    order = ["preparing", "listing", "embedding", "waiting", "verifying", "swapping"]
    order += ["lingering", "dropping", "done"]

    def reached() -> bool:
        answer = tenant.api.get(f"/v1/jobs/{job_id}")
        now = answer.json().get("phase", "") if answer.status_code == 200 else ""
        return now in order and order.index(now) >= order.index(phase)

    until(reached, f"{phase} is not reached", seconds)
