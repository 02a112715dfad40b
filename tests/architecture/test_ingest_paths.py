"""Every path through the `ingest` state machine: input, states visited, what is left behind."""

from __future__ import annotations

import json

import jsonschema
import pytest

from chalicelib.adapters.dynamodb import Delete
from chalicelib.adapters.records.writes import document_key, version_key
from chalicelib.contracts.base import Contract
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.ingest import (
    ChunkRequest,
    ChunkResult,
    EmbedRequest,
    EmbedResult,
    IngestInput,
    ReadRequest,
    ReadResult,
    Spent,
)
from chalicelib.ingest.receipts import BILLED_TRANSITIONS
from tests.architecture.ingest_world import CHUNK, EMBED, READ, IngestWorld, Raises
from tests.unit.contracts.event_schemas import FOLDER

HAPPY = ["Read", "Chunk", "Embed", "MarkReady", "AnnounceReady"]
LOCKED = Raises("Unsupported", "The PDF is locked.")


def document(world: IngestWorld, asked: IngestInput) -> Document:
    found = world.records.document(asked.tenant, asked.document_id)
    assert found is not None
    return found


def version(world: IngestWorld, asked: IngestInput) -> Version:
    found = world.records.version(asked.tenant, asked.document_id, asked.version)
    assert found is not None
    return found


def announced(world: IngestWorld) -> list[str]:
    """Return the types of the events on the bus; each holds to its published schema."""
    for kind, detail in world.script.events:
        jsonschema.validate(detail, json.loads((FOLDER / f"{kind}.json").read_text()))
    return [kind for kind, _ in world.script.events]


def test_an_upload_becomes_ready_in_few_billed_transitions(world: IngestWorld) -> None:
    asked = world.claim()
    assert world.run(asked) == ("SUCCEEDED", HAPPY)
    assert len(HAPPY) == BILLED_TRANSITIONS
    shown = document(world, asked)
    assert (shown.status, shown.version, shown.latest_version) == (
        "ready",
        asked.version,
        asked.version,
    )
    assert (shown.pages, shown.pages_needing_ocr, shown.chunks, shown.bytes) == (2, 1, 3, 20)
    assert shown.receipt is not None
    assert shown.receipt.tokens_in == 7
    assert version(world, asked).status == "ready"
    assert announced(world) == ["document.ready"]


def test_each_output_is_what_the_next_function_takes(world: IngestWorld) -> None:
    world.run(world.claim())
    takes: dict[str, type[Contract]] = {
        "read_document": ReadRequest,
        "chunk_document": ChunkRequest,
        "embed_chunks": EmbedRequest,
    }
    for name, payload in world.script.calls:
        takes[name].model_validate(payload)
    embed = EmbedRequest.model_validate(world.script.calls[-1][1])
    assert embed.reading == Spent.model_validate(READ["reading"])
    assert embed.chunking == Spent.model_validate(CHUNK["chunking"])
    gives: tuple[type[Contract], ...] = (ReadResult, ChunkResult, EmbedResult)
    for contract, answer in zip(gives, (READ, CHUNK, EMBED), strict=True):
        contract.model_validate(answer)


@pytest.mark.parametrize("error", ["Unsupported", "InvalidInput"])
@pytest.mark.parametrize(
    ("function", "before"), [("read_document", ["Read"]), ("chunk_document", ["Read", "Chunk"])]
)
def test_what_cannot_be_read_is_rejected_with_its_reason(
    world: IngestWorld, error: str, function: str, before: list[str]
) -> None:
    world.script.answers[function] = [Raises(error, "The PDF is locked.")]
    asked = world.claim()
    states = [*before, "RecordRejection", "AnnounceRejected"]
    assert world.run(asked) == ("SUCCEEDED", states)
    for record in (document(world, asked), version(world, asked)):
        assert (record.status, record.reason) == ("rejected", "The PDF is locked.")
    assert announced(world) == ["document.rejected"]


@pytest.mark.parametrize("function", ["read_document", "chunk_document", "embed_chunks"])
@pytest.mark.parametrize("error", ["ModelFailure", "ValidationError", "Sandbox.Timedout"])
def test_any_other_error_is_a_failure(world: IngestWorld, function: str, error: str) -> None:
    world.script.answers[function] = [Raises(error)]
    asked = world.claim()
    status, states = world.run(asked)
    assert status == "FAILED"
    assert states[-4:] == ["ExplainFailure", "RecordFailure", "AnnounceFailed", "Failed"]
    assert (document(world, asked).status, version(world, asked).status) == ("failed", "failed")
    assert announced(world) == ["document.failed"]
    assert world.script.events[0][1]["error"] == error


AGAIN = " Trying again may help: `headrace retry {}`."
MENDED = " Once that is mended, try again: `headrace retry {}`."


@pytest.mark.parametrize(
    ("error", "why", "advice"),
    [
        ("Throttled", "Functions had no room for hours.", AGAIN),
        ("Transient", "Rate Exceeded.", AGAIN),
        ("Sandbox.Timedout", "A step took longer than it may.", AGAIN),
        ("Runtime.ExitError", "A step ended before its time, perhaps for want of memory.", AGAIN),
        ("Lambda.Unknown", "A service of AWS failed: Lambda.Unknown (Rate Exceeded.).", AGAIN),
        ("ModelFailure", "Rate Exceeded.", MENDED),
    ],
)
def test_a_failure_is_told_in_our_words_with_the_command_to_try_again(
    world: IngestWorld, error: str, why: str, advice: str
) -> None:
    world.script.answers["chunk_document"] = [Raises(error, "Rate Exceeded.")]
    asked = world.claim()
    assert world.run(asked)[0] == "FAILED"
    told = why + advice.format(asked.document_id)
    assert (document(world, asked).reason, version(world, asked).reason) == (told, told)
    assert world.script.events[0][1]["reason"] == told


def test_a_chunk_that_the_model_would_cut_is_our_failure_and_not_the_upload_s(
    world: IngestWorld,
) -> None:
    world.script.answers["embed_chunks"] = [Raises("InvalidInput", "Text 3 has 300 tokens.")]
    asked = world.claim()
    assert world.run(asked)[0] == "FAILED"
    assert document(world, asked).status == "failed"


@pytest.mark.parametrize("function", ["read_document", "chunk_document", "embed_chunks"])
@pytest.mark.parametrize("error", ["Throttled", "Transient", "Runtime.ExitError"])
def test_what_passes_is_tried_again(world: IngestWorld, function: str, error: str) -> None:
    answers = world.script.answers
    answers[function] = [Raises(error), Raises(error), *answers[function]]
    assert world.run(world.claim()) == ("SUCCEEDED", HAPPY)
    assert len(world.script.calls) == 5


def test_what_does_not_pass_is_given_up(world: IngestWorld) -> None:
    world.script.answers["read_document"] = [Raises("Transient")]
    assert world.run(world.claim())[0] == "FAILED"
    assert len(world.script.calls) == 6


@pytest.mark.parametrize("function", ["read_document", "chunk_document", "embed_chunks"])
def test_throttling_is_borne_for_hours_and_does_not_use_up_other_retries(
    world: IngestWorld, function: str
) -> None:
    answers = world.script.answers
    answers[function] = [
        *[Raises("Throttled", "busy")] * 100,
        Raises("Transient"),
        *answers[function],
    ]
    assert world.run(world.claim()) == ("SUCCEEDED", HAPPY)


def test_the_same_bytes_are_a_no_op(world: IngestWorld) -> None:
    first = world.claim(version_id="one", sequencer="01")
    world.run(first)
    world.script.events.clear()
    world.script.answers["read_document"] = [Raises("Conflict")]
    second = world.claim(version_id="two", sequencer="02").model_copy(
        update={"ready_version": first.version, "ready_sha256": READ["sha256"]}
    )
    assert world.run(second) == ("SUCCEEDED", ["Read", "MarkUnchanged", "Unchanged"])
    shown = document(world, second)
    assert (shown.status, shown.version, shown.chunks) == ("ready", first.version, 3)
    assert shown.latest_version == second.version
    assert (version(world, second).status, version(world, second).chunks) == ("ready", 0)
    assert announced(world) == []


def test_bytes_that_no_longer_answer_are_read_after_all(world: IngestWorld) -> None:
    world.run(world.claim(version_id="one", sequencer="01"))
    world.script.answers["read_document"] = [Raises("Conflict"), READ]
    asked = world.claim(version_id="three", sequencer="03").model_copy(
        update={"ready_version": "v_gone", "ready_sha256": READ["sha256"]}
    )
    status, states = world.run(asked)
    assert status == "SUCCEEDED"
    assert states == ["Read", "MarkUnchanged", *HAPPY]
    assert world.script.calls[-3][1]["ready_sha256"] == ""
    assert document(world, asked).version == asked.version


def test_an_older_version_answers_until_a_newer_one_is_ready(world: IngestWorld) -> None:
    old = world.claim(version_id="old", sequencer="01")
    new = world.claim(version_id="new", sequencer="02")
    assert world.run(old)[1] == [*HAPPY[:4], "MarkReadyBehindNewer", "AnnounceReady"]
    shown = document(world, old)
    assert (shown.version, shown.status) == (old.version, "processing")
    assert world.run(new) == ("SUCCEEDED", HAPPY)
    shown = document(world, new)
    assert (shown.version, shown.status) == (new.version, "ready")


def test_an_older_version_never_replaces_a_newer_one(world: IngestWorld) -> None:
    old = world.claim(version_id="old", sequencer="01")
    new = world.claim(version_id="new", sequencer="02")
    world.run(new)
    assert world.run(old)[1] == [*HAPPY[:4], "MarkReadyBehindNewer", "Overtaken"]
    assert document(world, old).version == new.version
    assert announced(world) == ["document.ready"]


def test_a_rejected_upload_leaves_the_version_that_answers(world: IngestWorld) -> None:
    good = world.claim(version_id="good", sequencer="01")
    world.run(good)
    world.script.answers["read_document"] = [LOCKED]
    bad = world.claim(version_id="bad", sequencer="02")
    world.run(bad)
    shown = document(world, bad)
    assert (shown.status, shown.version, shown.chunks) == ("rejected", good.version, 3)


def test_a_rejection_of_an_overtaken_upload_does_not_show(world: IngestWorld) -> None:
    old = world.claim(version_id="old", sequencer="01")
    world.claim(version_id="new", sequencer="02")
    world.script.answers["read_document"] = [LOCKED]
    assert world.run(old) == ("SUCCEEDED", ["Read", "RecordRejection", "Overtaken"])
    assert document(world, old).status == "processing"
    assert announced(world) == []


def test_a_document_deleted_meanwhile_does_not_come_back(world: IngestWorld) -> None:
    asked = world.claim()

    def delete() -> None:
        for key in (
            version_key(asked.tenant, asked.document_id, asked.version),
            document_key(asked.tenant, asked.document_id),
        ):
            world.table.delete(Delete(key))

    world.script.before["embed_chunks"] = delete
    assert world.run(asked)[1] == [*HAPPY[:4], "MarkReadyBehindNewer", "Overtaken"]
    assert world.records.document(asked.tenant, asked.document_id) is None
    assert announced(world) == []
