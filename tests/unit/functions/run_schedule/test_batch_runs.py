"""Runs that have calls answered: what they select, spend and write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.contracts.collections import Declaration
from chalicelib.errors import ModelFailure
from functions.run_schedule import selection
from functions.run_schedule.batch import NOTHING_NEW
from functions.run_schedule.history import MAX_TRIES
from tests.unit.functions.run_schedule.batch_world import (
    DOCUMENTS,
    FIRST_NIGHT,
    NAME,
    PRICE,
    SCHEDULE,
    World,
    place_of,
)
from tests.unit.jobs.examples import BUCKET

IN_S3: Mapping[str, Any] = {"type": "s3", "uri": f"s3://{BUCKET}/results/acme/nightly"}


def work(**changes: Any) -> dict[str, Any]:
    return {**DOCUMENTS, **changes}


def of_source(**source: Any) -> dict[str, Any]:
    return work(source={**DOCUMENTS["source"], **source})


def files(uri: str, kind: str, **changes: Any) -> dict[str, Any]:
    source = {"type": kind, "uri": uri}
    return {"kind": "batch", "source": source, "results": [IN_S3], **changes}


def notes(state: Any) -> str:
    return "\n".join(place_of(state).notes)


def test_each_document_should_be_answered_once_and_again_once_it_changed() -> None:
    world = World()
    for path in ("a.txt", "b.txt"):
        world.put(path)
    world.put("other.txt", collection="letters")
    first = world.run()
    assert first.job.status == "succeeded"
    assert (first.job.counts.total, first.job.counts.done) == (2, 2)
    assert world.answers() == {
        "nightly/a.txt.md": "Answer to a.txt v_0000",
        "nightly/b.txt.md": "Answer to b.txt v_0001",
    }
    world.put("b.txt")
    world.put("c.txt")
    assert sorted(world.asked(world.run())) == ["b.txt v_0003", "c.txt v_0004"]
    assert world.answers()["nightly/b.txt.md"] == "Answer to b.txt v_0003"
    third = world.run()
    assert (third.job.status, third.job.counts.total) == ("succeeded", 0)
    assert notes(third) == NOTHING_NEW
    assert set(world.answered.values()) == {1}


def test_a_run_should_tell_its_cost_its_results_and_where_the_next_one_begins() -> None:
    world = World()
    world.put("a.txt")
    state = world.run(work(results=[IN_S3, *DOCUMENTS["results"]]))
    place = place_of(state)
    folder = f"s3://{BUCKET}/results/acme/nightly/nightly/20260504T030000Z-{state.job.job_id}/"
    assert place.results == (folder, "summaries/nightly/a.txt.md")
    assert place.receipt is not None
    assert place.receipt.dollars == PRICE
    assert place.watermark is not None
    assert place.watermark.at == FIRST_NIGHT
    assert place.notes == ("As estimated.",)
    prefix = folder.removeprefix(f"s3://{BUCKET}/")
    written = world.buckets.under(BUCKET, prefix)
    assert sorted(written) == ["errors.jsonl", "results.jsonl", "summary.json"]
    summary = json.loads(written["summary.json"])
    assert summary["counts"]["done"] == 1
    assert summary["job_id"] == place.child
    assert [file.name for file in state.files] == ["summary.json"]
    assert state.job.status == summary["status"] == "succeeded"


def test_answers_should_carry_where_they_come_from_and_never_be_selected() -> None:
    world = World()
    world.put("in/a.txt")
    everything = work(source={"type": "documents"})
    run = world.run(everything).job.job_id
    path = "nightly/reports/in/a.txt.md"
    told = world.metadata_of(path)
    assert told == {
        "schedule": NAME,
        "run": run,
        "source_path": "in/a.txt",
        "source_document": next(iter(world.stored)),
    }
    carried = world.buckets.metadata(BUCKET, f"inbox/acme/summaries/{path}")
    assert carried["correlation-id"] == "of in/a.txt"
    world.put(path, collection="summaries", metadata=told)
    assert notes(world.run(everything)) == NOTHING_NEW


def test_documents_that_cannot_be_asked_about_should_be_counted() -> None:
    world = World()
    world.put("a.txt")
    world.put("empty.txt", "-")
    world.put("odd.bin", status="rejected")
    world.put("late.txt", status="processing")
    world.put("ours.txt", status="failed")
    world.now += timedelta(minutes=1)
    told = notes(world.run())
    assert "1 document: rejected when it was read." in told
    assert "1 document: still being read" in told
    assert "1 document: not read because of a failure of ours." in told
    assert "1 document: without text" in told
    assert "rejected" not in notes(world.run()), "it arrived before the run before"


def test_a_later_upload_that_was_turned_down_should_not_select_the_version_again() -> None:
    world = World()
    world.put("a.txt")
    world.run()
    world.put("a.txt", status="rejected")
    state = world.run()
    assert state.job.counts.total == 0
    assert "1 document: rejected" in notes(state)


def test_a_filter_should_select_as_a_search_does() -> None:
    world = World()
    world.put("in/a.txt", metadata={"year": 2026, "kind": "report"})
    world.put("in/b.txt", metadata={"year": 2024, "kind": "report"})
    world.put("c.txt", metadata={"year": 2026, "kind": "report"})
    chosen = {"path_prefix": "in/", "metadata": {"year": {"gte": 2025}, "kind": "report"}}
    assert world.asked(world.run(of_source(filter=chosen))) == ["in/a.txt v_0000"]


def test_without_a_watermark_every_run_should_ask_about_everything() -> None:
    world = World()
    world.put("a.txt")
    for _ in range(2):
        assert world.run(of_source(changed=False)).job.counts.done == 1
    assert world.watermark.key == ""


def test_a_search_should_select_the_documents_that_it_finds() -> None:
    world = World()
    for path in ("a.txt", "b.txt", "c.txt"):
        world.put(path)
    world.found = [*reversed(list(world.stored)), "doc_gone"]
    state = world.run(work(source={"type": "search", "query": "weirs", "limit": 4}))
    assert state.job.counts.done == 3
    assert "1 document: removed meanwhile." in notes(state)


def test_long_documents_that_a_search_finds_should_be_selected_once_over_many_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection, "PART_BYTES", 1)
    world = World()
    for number in range(20):
        world.put(f"{number}.txt")
    world.found = ["doc_gone", *world.stored]
    request = world.begin(work(source={"type": "search", "query": "weirs", "limit": 21}))
    world.step(request)
    world.step(request)
    world.found = list(reversed(world.found))  # later uploads change what a search finds
    state = world.finish(request)
    assert state.job.counts.done == 20
    assert set(world.answered.values()) == {1}
    assert "1 document: removed meanwhile." in notes(state)


def test_a_failed_item_should_be_tried_in_three_runs_and_then_be_noted() -> None:
    world = World()
    world.put("a.txt")
    world.put("bad.txt")
    world.failing = {"bad.txt"}
    first = world.run()
    assert first.job.status == "partial"
    child = place_of(first).child
    assert f"1 of 2 without an answer: errors.jsonl of the job {child} says why." in notes(first)
    second = world.run()
    assert (second.job.status, second.job.counts.failed) == ("partial", 1)
    world.put("c.txt")
    third = world.run()
    assert third.job.counts.total == MAX_TRIES - 1
    assert "1 failed in three runs and are not tried again: bad.txt." in notes(third)
    assert notes(world.run()) == NOTHING_NEW
    world.put("bad.txt")
    assert world.run().job.counts.total == 1


def test_a_run_that_answers_nothing_should_fail_and_leave_the_watermark() -> None:
    world = World()
    world.put("a.txt")
    world.failing = {"a.txt"}
    request = world.begin(DOCUMENTS)
    state = world.finish(request)
    assert state.job.error is not None
    assert (state.job.status, state.job.error.type) == ("failed", "NoAnswer")
    assert "none of its 1 items" in state.job.error.message
    assert place_of(state).receipt is not None
    assert world.watermark.at is None
    world.failing = set()
    again = world.retry(request)
    assert (again.job.status, again.job.counts.done) == ("succeeded", 1)
    assert world.batch(again).job.attempt == 3
    assert world.answered == {"a.txt v_0000": 1}


def test_a_batch_that_failed_should_fail_the_run_by_its_error() -> None:
    world = World()
    world.put("a.txt")
    world.breaks = ModelFailure("The model is broken.")
    request = world.begin(DOCUMENTS)
    state = world.finish(request)
    assert state.job.error is not None
    assert (state.job.status, state.job.error.type) == ("failed", "ModelFailure")
    world.breaks = None
    assert world.retry(request).job.status == "succeeded"


def test_a_prompt_that_was_removed_should_fail_the_run_before_anything() -> None:
    world = World()
    world.put("a.txt")
    world.content = None
    state = world.run()
    assert state.job.error is not None
    assert state.job.error.type == "NotFound"
    assert "the prompt sum-up, version latest" in state.job.error.message
    assert len(world.jobs.kept) == 1


@pytest.mark.parametrize(
    ("content", "prompt", "type_"),
    [
        ({"turns": [{"template": "a"}, {"name": "b", "template": "c"}]}, {}, "Unsupported"),
        ({"variables": {}}, {}, "InvalidInput"),
        ({}, {"document": "other"}, "InvalidInput"),
        ({}, {"variables": {"text": "mine"}}, "InvalidInput"),
        ({}, {"variables": {"unknown": 1}}, "InvalidInput"),
    ],
)
def test_a_prompt_that_cannot_be_put_to_documents_should_fail_the_run_before_anything(
    content: Any, prompt: Any, type_: str
) -> None:
    world = World()
    world.put("a.txt")
    assert world.content is not None
    world.content = {**world.content, **content}
    state = world.run(work(prompt={"name": "sum-up", **prompt}))
    assert state.job.error is not None
    assert state.job.error.type == type_
    assert len(world.jobs.kept) == 1


def test_a_text_should_go_to_the_batch_as_long_as_it_is() -> None:
    world = World()
    world.put("long.txt", "x" * 700)
    assert world.asked(world.run()) == ["x" * 700]


def test_json_answers_should_become_text_and_tags() -> None:
    world = World()
    assert world.content is not None
    world.content = {**world.content, "output_schema": {"type": "object"}}
    answer = {
        "Summary": "It rained.\nAll day.",
        "mood": "grey",
        "millimetres": 12.5,
        "tags": ["rain", "may"],
        "path": "reserved",
        "nested": {"a": 1},
    }
    world.answer = lambda text: json.dumps(answer)
    world.put("a.txt")
    world.run()
    told = world.metadata_of("nightly/a.txt.md")
    assert {name: told[name] for name in ("mood", "millimetres", "tags")} == {
        "mood": "grey",
        "millimetres": 12.5,
        "tags": ("rain", "may"),
    }
    assert not {"path", "nested", "summary"} & told.keys()
    assert "It rained.\nAll day." in world.answers()["nightly/a.txt.md"]


def test_a_strict_collection_should_be_told_of_before_anything_is_spent() -> None:
    world = World()
    world.put("a.txt")
    declared = {"name": "summaries", "fields": {}, "strict": True}
    moments = {"created_at": FIRST_NIGHT, "updated_at": FIRST_NIGHT}
    world.declared["summaries"] = Declaration.model_validate({**declared, **moments})
    state = world.run()
    assert state.job.error is not None
    assert "takes no results of schedules" in state.job.error.message


def test_other_work_should_not_begin_from_the_watermark_of_another_kind() -> None:
    world = World()
    world.put("a.txt")
    by_prefix = files(f"s3://{BUCKET}/sources/acme/calls/", "prefix")
    key = "sources/acme/calls/a.jsonl"
    world.buckets.put(BUCKET, key, b'{"id": "one", "prompt": "Hello."}')
    sync = {"kind": "sync", "uri": by_prefix["source"]["uri"], "collection": "calls"}
    for work_before in (DOCUMENTS, sync):
        world.run(work_before)
        assert world.watermark.key
        for other in (by_prefix, sync) if work_before is DOCUMENTS else (by_prefix,):
            left_off = world.watermark
            assert world.run(other).job.counts.done == 1
            world.watermark = left_off


def test_what_no_run_begins_from_any_more_should_be_removed() -> None:
    world = World()
    for number in range(4):
        world.put(f"{number}.txt")
        world.run()
    kept = world.buckets.under(BUCKET, f"schedules/acme/{SCHEDULE}/")
    assert len(kept) == 2
