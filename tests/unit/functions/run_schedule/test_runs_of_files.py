"""Runs of schedules over files of calls: objects and prefixes."""

from __future__ import annotations

import json

import pytest

from functions.run_schedule import files as selected_files
from functions.run_schedule.batch import NOTHING_NEW
from functions.run_schedule.files import told_apart
from tests.unit.functions.run_schedule.batch_world import (
    World,
    place_of,
)
from tests.unit.functions.run_schedule.test_batch_runs import files, notes
from tests.unit.jobs.examples import BUCKET


def test_an_object_of_calls_should_be_answered_as_it_is() -> None:
    world = World()
    place = f"s3://{BUCKET}/sources/acme/calls.jsonl"
    missing = world.run(files(place, "object"))
    assert missing.job.error is not None
    assert (missing.job.error.type, "sources/acme/calls.jsonl" in missing.job.error.message) == (
        "NotFound",
        True,
    )
    world.buckets.put(BUCKET, "sources/acme/calls.jsonl", b'{"id": "one", "prompt": "Hello."}')
    for _ in range(2):
        assert world.run(files(place, "object")).job.counts.done == 1


def test_a_tenant_should_not_read_calls_of_another() -> None:
    world = World()
    state = world.run(files(f"s3://{BUCKET}/sources/other/calls.jsonl", "object"))
    assert state.job.error is not None
    assert state.job.error.type == "InvalidInput"


def test_a_prefix_should_give_each_new_or_changed_file_once_with_ids_apart() -> None:
    world = World()
    by_prefix = files(f"s3://{BUCKET}/sources/acme/calls/", "prefix")
    assert notes(world.run(by_prefix)) == NOTHING_NEW
    for name in ("a", "b"):
        key = f"sources/acme/calls/{name}.jsonl"
        world.buckets.put(BUCKET, key, b'{"id": "one", "prompt": "Hello."}')
    world.run(by_prefix)
    assert world.answered == {"a.jsonl#one": 1, "b.jsonl#one": 1}
    assert notes(world.run(by_prefix)) == NOTHING_NEW
    changed = b'{"custom_id": "two", "prompt": "Bye.", "id": "x"}\nno json\n'
    world.buckets.put(BUCKET, "sources/acme/calls/b.jsonl", changed)
    state = world.begin(by_prefix)
    while not place_of(world.state(state)).child:
        world.step(state)
    child = place_of(world.state(state)).child
    assert world.buckets.read(BUCKET, f"jobs/acme/{child}/input.jsonl") == changed


def test_a_prefix_of_more_objects_than_a_step_compares_should_fail_with_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selected_files, "MAX_LISTED", 2)
    world = World()
    by_prefix = files(f"s3://{BUCKET}/sources/acme/calls/", "prefix")
    for name in ("a", "b"):
        key = f"sources/acme/calls/{name}.jsonl"
        world.buckets.put(BUCKET, key, b'{"id": "one", "prompt": "Hello."}')
    assert world.run(by_prefix).job.status == "succeeded"
    world.buckets.put(BUCKET, "sources/acme/calls/c.jsonl", b'{"id": "one", "prompt": "Hello."}')
    error = world.run(by_prefix).job.error
    assert error is not None
    assert (error.type, "more than 2 objects" in error.message) == ("InvalidInput", True)


def test_a_step_without_time_should_leave_files_to_the_next_run() -> None:
    world = World()
    by_prefix = files(f"s3://{BUCKET}/sources/acme/calls/", "prefix")
    for name in ("a", "b", "c"):
        key = f"sources/acme/calls/{name}.jsonl"
        world.buckets.put(BUCKET, key, b'{"id": "one", "prompt": "Hello."}')
    world.seconds_a_look = 10_000.0
    assert "2 files are left to the next run" in notes(world.run(by_prefix))
    world.seconds_a_look = 0.0
    world.run(by_prefix)
    assert world.answered == {f"{name}.jsonl#one": 1 for name in "abc"}


def test_an_id_that_names_its_file_should_make_a_line_longer_by_the_name_alone() -> None:
    line = json.dumps({"id": "one", "prompt": "水" * 50}, ensure_ascii=False).encode()
    told = told_apart(line, "a.jsonl")
    assert json.loads(told) == {"id": "a.jsonl#one", "prompt": "水" * 50}
    assert len(told) <= len(line) + len("a.jsonl#")
    half = told_apart(b'{"id": "one", "prompt": "\\ud83c"}', "a.jsonl")
    assert json.loads(half)["prompt"] == "\ud83c"
