"""Runs that have calls answered, cut off at each of their writes and done again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.soak import often
from tests.unit.functions.run_schedule.batch_world import DOCUMENTS, World, place_of
from tests.unit.jobs.examples import BUCKET

EVERYWHERE = {
    **DOCUMENTS,
    "results": [
        {"type": "s3", "uri": f"s3://{BUCKET}/results/acme/nightly"},
        *DOCUMENTS["results"],
        {"type": "webhook", "webhook_id": "wh_1"},
    ],
}
OF_FILES = {
    **EVERYWHERE,
    "source": {"type": "prefix", "uri": f"s3://{BUCKET}/sources/acme/calls/"},
    "prompt": None,
}
MOST_WRITES = 60
STRIDE = often(1, 3)


def nights(work: Mapping[str, Any], cut_at: int = -1, *, after: bool = False) -> World:
    """Return a world after two runs, the second of which was cut off once."""
    world = World()
    for path in ("a.txt", "bad.txt"):
        world.put(path)
        key = f"sources/acme/calls/{path}.jsonl"
        world.buckets.put(BUCKET, key, json.dumps({"id": path}).encode())
    world.failing = {"bad.txt"}
    world.run(work)
    world.put("a.txt")
    world.put("c.txt")
    world.buckets.put(BUCKET, "sources/acme/calls/c.jsonl", b'{"id": "c"}')
    world.buckets.uploads.clear()
    world.buckets.writes, world.buckets.cut_at, world.buckets.cut_after = 0, cut_at, after
    world.run(work)
    return world


def outcome(world: World) -> dict[str, Any]:
    """Return all that a run left, but for how often its batch was looked at."""
    state = max(
        (each for each in world.jobs.kept.values() if each.job.kind == "scheduled_run"),
        key=lambda each: each.job.job_id,
    )
    return {
        "bodies": dict(world.buckets.bodies),
        "facts": world.buckets.facts,
        "status": (state.job.status, state.job.counts),
        "place": place_of(state).model_copy(update={"state": {}}),
        "jobs": sorted((key, each.job.status) for key, each in world.jobs.kept.items()),
        "answered": world.answered,
        "watermark": world.watermark,
    }


@pytest.mark.parametrize("work", [EVERYWHERE, OF_FILES], ids=["documents", "files"])
def test_a_cut_at_any_write_should_lose_and_double_nothing(work: Mapping[str, Any]) -> None:
    whole = nights(work)
    expected, writes = outcome(whole), whole.buckets.writes
    assert 10 < writes < MOST_WRITES
    assert set(whole.answered.values()) == {1}
    for cut_at in range(1, writes + 1, STRIDE):
        for after in (False, True):
            cut = nights(work, cut_at, after=after)
            assert cut.buckets.writes >= writes, "it was cut off"
            assert outcome(cut) == expected, (cut_at, after)


def test_a_repeated_step_should_upload_no_document_twice() -> None:
    uploads = nights(EVERYWHERE).buckets.uploads
    assert len(uploads) == 2
    for cut_at in uploads:
        cut = nights(EVERYWHERE, cut_at, after=True)
        assert len(cut.buckets.uploads) == 2, cut_at
