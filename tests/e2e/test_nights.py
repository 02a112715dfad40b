"""A schedule over three nights on a clock that the test moves: one is slept through, in one the
power fails, and spring forward skips the time of one. What arrives is summed up once each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, settled, until, upload
from tests.soak import WHOLE

PROMPT: dict[str, Any] = {
    "name": "sum-up",
    "variables": {"text": {"type": "document", "max_length": 2_000}},
    "turns": [{"template": "Repeat the first sentence of this text.\n{{ text }}"}],
    "parameters": {"max_tokens": 24, "temperature": 0},
}
NIGHTLY = {
    "name": "nightly",
    "expression": "cron(30 2 * * ? *)",
    "time_zone": "Europe/Berlin",
    "budget": "0.50",
    "work": {
        "kind": "batch",
        "source": {"type": "documents", "collection": "plant"},
        "prompt": {"name": "sum-up"},
        "keep_truncated": True,
        "results": [{"type": "collection", "collection": "summaries"}],
    },
}
CRANE = b"The crane of hall 2 is out of service until May. Its cable was cut by mistake."
PUMP = b"Pump 7 moves 400 litres a second. Its seal was renewed in 2024."
WEIR = b"The weir was inspected by Dr. Falk in April. It is sound."
FAN = b"Fan 4 turns 900 times a minute. It is cleaned every March."
BROKEN = b"%PDF-1.7\n1 0 obj\n<<"


@contextmanager
def living(folder: Path, options: tuple[str, ...], clock: str) -> Iterator[CloudProcess]:
    """A cloud on the data of the one before, from `clock` on."""
    process = CloudProcess(folder, *options, "--clock", clock, audited=True).start()
    try:
        yield process
    finally:
        process.stop()


def runs_of(api: httpx.Client) -> list[dict[str, Any]]:
    """Return the runs, oldest first."""
    items: list[dict[str, Any]] = api.get("/v1/schedules/nightly/runs").json()["items"]
    return items[::-1]


def ended(api: httpx.Client, count: int) -> list[dict[str, Any]]:
    """Return the runs once there are `count` of them and all have ended."""

    def look() -> list[dict[str, Any]] | None:
        found = runs_of(api)
        over = all(each["ended_at"] is not None for each in found)
        return found if over and len(found) == count else None

    return until(look, f"{count} runs did not end", 300)


def documents(api: httpx.Client, collection: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = api.get(
        "/v1/documents", params={"collection": collection}
    ).json()["items"]
    return listed


@pytest.mark.skipif(not WHOLE, reason="five starts of a local cloud take minutes: make soak")
@pytest.mark.timeout(1_500, func_only=True)
def test_three_nights_sum_up_once_what_arrived(
    tmp_path: Path, cloud_options: tuple[str, ...]
) -> None:
    place = (tmp_path / "data", cloud_options)
    with living(*place, "2027-03-26T19:00:00+01:00") as cloud, api_of(cloud) as api:
        assert api.post("/v1/prompts", json=PROMPT).status_code == 201
        made = api.post("/v1/schedules", json=NIGHTLY)
        assert made.status_code == 201, made.text
        assert made.json()["next"][:3] == [
            "2027-03-27T01:30:00Z",
            "2027-03-28T01:30:00Z",
            "2027-03-29T00:30:00Z",
        ]
        for path, body in (("crane.txt", CRANE), ("pump.txt", PUMP)):
            assert settled(api, upload(api, path, body, "plant"))["status"] == "ready"

    with living(*place, "2027-03-27T02:29:58+01:00") as cloud, api_of(cloud) as api:
        (first,) = ended(api, 1)
        assert (first["status"], first["trigger"]) == ("succeeded", "time")
        assert settled(api, upload(api, "weir.txt", WEIR, "plant"))["status"] == "ready"

    # Nothing runs at the second night's time, which spring forward skips besides.
    with living(*place, "2027-03-28T09:00:00+02:00") as cloud, api_of(cloud) as api:
        second = ended(api, 2)[1]
        assert (second["status"], second["trigger"]) == ("succeeded", "catch_up")
        assert second["scheduled_at"] == "2027-03-28T01:30:00Z"
        assert settled(api, upload(api, "broken.pdf", BROKEN, "plant"))["status"] == "rejected"
        assert settled(api, upload(api, "fan.txt", FAN, "plant"))["status"] == "ready"

    with living(*place, "2027-03-29T02:29:58+02:00") as cloud, api_of(cloud) as api:

        def begun() -> bool:
            return any(each["status"] == "running" for each in runs_of(api))

        until(begun, "the third run did not begin", 120)
        cloud.kill()

    with living(*place, "2027-03-29T02:50:00+02:00") as cloud, api_of(cloud) as api:
        runs = ended(api, 3)
        assert [each["status"] for each in runs] == ["succeeded"] * 3
        assert [each["counts"]["total"] for each in runs] == [2, 1, 1]
        assert [each["counts"]["done"] for each in runs] == [2, 1, 1]
        assert any("rejected" in note for note in runs[2]["notes"])
        marks = [each["new_watermark"] for each in runs]
        assert marks == sorted(marks)
        assert api.get("/v1/schedules/nightly").json()["watermark"] == marks[-1]

        def summed_up() -> list[dict[str, Any]] | None:
            found = documents(api, "summaries")
            over = {each["status"] for each in found} == {"ready"}
            return (
                found
                if over and len(found) >= sum(each["counts"]["done"] for each in runs)
                else None
            )

        summaries = until(summed_up, "the summaries did not become documents")
        names = Counter(each["path"] for each in summaries)
        assert names == {f"nightly/{n}.txt.md": 1 for n in ("crane", "pump", "weir", "fan")}
        by_run = Counter(each["metadata"]["run"] for each in summaries)
        assert by_run == {each["run_id"]: each["counts"]["done"] for each in runs}
        for each in summaries:
            versions = api.get(f"/v1/documents/{each['document_id']}/versions").json()["items"]
            assert len(versions) == 1

        for each in runs:
            job = api.get(f"/v1/jobs/{each['job_id']}").json()
            assert Decimal(job["receipt"]["dollars"]) == Decimal(each["receipt"]["dollars"]) > 0
        asked = {"question": "Until when is the crane of hall 2 out of service?"}
        answer = api.post("/v1/ask", json=asked | {"collection": "summaries"}).json()
        assert answer["answered"], answer
        assert {each["path"] for each in answer["citations"]} == {"nightly/crane.txt.md"}
        assert not runs_of(api)[3:]
