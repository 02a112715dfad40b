"""Kill -9: what was acknowledged is neither lost nor doubled, and the counts say so."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import ENDED, Audit, api_of, settled, until, upload
from tests.media_files import encode
from tests.soak import WHOLE, often
from tests.unit.inference.speech.recordings import FILE as RECORDING

MOMENTS = often(20, 2)
LONGEST_SECONDS = 2.5
COLLECTION = "killed"
TEXT = (
    "Pump {0} was tested on day {0}. It moved {0} litres a second. The seal of pump {0} is tight."
)


def assert_counts_reconcile(cloud: CloudProcess, documents: dict[str, dict[str, Any]]) -> None:
    """Nothing runs, no place is taken, and each document has its chunks' vectors once."""
    audit = Audit(cloud)
    until(lambda: audit.places_taken() == 0, "places are still taken")
    assert audit.executions("RUNNING") == []
    assert audit.messages_left("InboxDeadLettersUrl") == 0
    versions = [item for item in audit.items() if item["sk"]["S"].startswith("VERSION#")]
    for document_id, document in documents.items():
        mine = [item for item in versions if f"#{document_id}#" in item["sk"]["S"]]
        assert len(mine) == 1, f"{document_id} has {len(mine)} versions"
        keys = audit.vectors_of(document_id)
        assert len(keys) == len(set(keys)) == document["chunks"], document


def talk(folder: Path) -> bytes:
    """A recording of 16 minutes, and so of four parts, in each of which two sentences are said."""
    spoken = encode(folder / "one.wav", "-i", str(RECORDING), "-af", "apad", "-t", "240")
    looped = ("-stream_loop", "3", "-i", str(spoken), "-t", "960")
    return encode(folder / "talk.flac", *looped).read_bytes()


def part_versions(cloud: CloudProcess, document: str, name: str) -> dict[str, set[str]]:
    """The versions of an object of each part of a recording, by the part's key."""
    bucket = cloud.outputs["DocumentsBucketName"]
    listed = cloud.client("s3").list_object_versions(Bucket=bucket, Prefix="documents/")
    found: dict[str, set[str]] = {}
    for version in listed.get("Versions", ()):
        folder, _, file = version["Key"].rpartition("/")
        if document in folder and "/parts/" in folder and file == name:
            found.setdefault(folder, set()).add(version["VersionId"])
    return found


def versions_until_settled(
    cloud: CloudProcess, api: httpx.Client, document: str
) -> dict[str, set[str]]:
    """The versions of what is said in each part, as long as they are kept."""
    seen: dict[str, set[str]] = {}
    while api.get(f"/v1/documents/{document}").json()["status"] not in ENDED:
        for part, versions in part_versions(cloud, document, "speech.json").items():
            seen.setdefault(part, set()).update(versions)
        time.sleep(0.1)
    return seen


@pytest.mark.timeout(600)
def test_the_whole_cloud_killed_at_seeded_moments_should_lose_and_double_nothing(
    own_cloud: CloudProcess, tmp_path: Path
) -> None:
    chance, cloud = random.Random(20), own_cloud
    acknowledged: dict[str, str] = {}
    for moment in range(MOMENTS):
        until_kill = time.monotonic() + chance.uniform(0.0, LONGEST_SECONDS)
        with api_of(cloud) as api, contextlib.suppress(httpx.HTTPError):
            for number in range(2):
                name = f"pump-{moment}-{number}.txt"
                content = TEXT.format(moment * 10 + number).encode()
                acknowledged[upload(api, name, content, COLLECTION)] = name
        time.sleep(max(0.0, until_kill - time.monotonic()))
        cloud.kill()
        cloud.start()
    with api_of(cloud) as api:
        recording = upload(api, "talk.flac", talk(tmp_path), COLLECTION)
    until(lambda: part_versions(cloud, recording, "chunks.jsonl"), "no part of it was read")
    finished = part_versions(cloud, recording, "speech.json")
    cloud.kill()
    cloud.start()
    with api_of(cloud) as api:
        transcribed = versions_until_settled(cloud, api, recording)
        assert {part: transcribed[part] for part in finished} == finished
        assert [len(versions) for versions in transcribed.values()] == [1] * 4
        acknowledged[recording] = "talk.flac"
        documents = {each: settled(api, each) for each in acknowledged}
        assert {document["status"] for document in documents.values()} == {"ready"}, [
            document for document in documents.values() if document["status"] != "ready"
        ]
        assert len(documents) == 2 * MOMENTS + 1
        assert documents[recording]["pages"] == 4
        body = {"query": "seal of pump 31", "collection": COLLECTION, "top_k": 100}
        hits = api.post("/v1/search", json=body).json()["hits"]
        assert len({(hit["document_id"], hit["page"], hit["start"]) for hit in hits}) == len(hits)
    assert_counts_reconcile(cloud, documents)


def workers(cloud: CloudProcess) -> list[psutil.Process]:
    """The processes that run functions, found as an operator would find them."""
    children = psutil.Process(cloud.pid).children(recursive=True)
    found = []
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("worker" in part for part in child.cmdline()):
                found.append(child)
    return found


def kill_workers_after_event(cloud: CloudProcess, audit: Audit, wanted: int, started: int) -> int:
    """Kill every worker once the newest execution has `wanted` events; return how many it had."""

    def reached() -> int:
        listed = audit.executions()
        if len(listed) <= started:
            return 0
        newest = max(listed, key=lambda each: each["startDate"])
        events = audit.history(newest["executionArn"])
        over = newest["status"] != "RUNNING"
        return len(events) if over or len(events) >= wanted else 0

    seen = until(reached, f"no execution reached event {wanted}")
    for worker in workers(cloud):
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.kill()
    return seen


@pytest.mark.timeout(600)
def test_workers_killed_after_each_history_event_should_cost_a_retry_and_no_document(
    own_cloud: CloudProcess,
) -> None:
    audit = Audit(own_cloud)
    documents: dict[str, dict[str, Any]] = {}
    with api_of(own_cloud) as api:
        whole = settled(api, upload(api, "whole.txt", TEXT.format(0).encode(), COLLECTION))
        assert whole["status"] == "ready"
        events = audit.history(audit.executions()[0]["executionArn"])
        begun = [n for n, event in enumerate(events, 1) if event["type"].endswith("Started")]
        assert len(begun) > 5, "the execution, and each of its five steps"
        sample = random.Random(len(events)).sample(begun, 2)
        for wanted in range(1, len(events) + 1) if WHOLE else sample:
            content = TEXT.format(wanted).encode()
            started = len(audit.executions())
            document_id = upload(api, f"pump-{wanted}.txt", content, COLLECTION)
            kill_workers_after_event(own_cloud, audit, wanted, started)
            documents[document_id] = settled(api, document_id)
        failed = {k: d["reason"] for k, d in documents.items() if d["status"] != "ready"}
        assert failed == {}
    assert_counts_reconcile(own_cloud, documents)
