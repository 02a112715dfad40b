"""`extract_fields`: one document, and a job over many."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.extraction_models import ModelTerms
from chalicelib.contracts.extractions import ExtractionNeedsReview, ExtractionReady
from chalicelib.contracts.functions.extract_fields import ExtractDocumentsRequest
from chalicelib.contracts.jobs import ArrivalExtraction, StepRequest
from chalicelib.errors import Conflict, InvalidInput, ModelFailure, NotFound, Transient
from chalicelib.labelling.extractors import ExtractorLibrary, inline_terms
from functions.extract_fields.job_documents import ChildSeconds
from tests.unit.functions.extract_fields.fakes import FakeSelector, LabelledLines
from tests.unit.functions.extract_fields.world import INVOICE, PREFIX, SCHEMA, World
from tests.unit.jobs.examples import JOB, NOW, given


def test_should_store_each_field_with_its_evidence_and_say_so() -> None:
    world = World()
    invoice = world.add("a.pdf")
    result = world.do(world.request(invoice))
    assert (result.status, result.version) == ("complete", "v_1")
    assert result.prefix.startswith(f"documents/acme/{invoice.document_id}/v_1/extractions/")
    shown = world.body(result.prefix + "result.json")
    assert shown["values"] == {"number": "A-17", "total": 41.5, "due": None}
    assert (shown["facts"]["fields"], shown["facts"]["found"]) == (3, 2)
    number, total, due = map(
        json.loads, world.objects.bodies[result.prefix + "fields.jsonl"].splitlines()
    )
    (place,) = number["evidence"]
    assert INVOICE[place["start"] : place["end"]] == number["raw"] == "A-17"
    assert place["boxes"] == [[10.0, 20.0, 30.0, 28.0]]
    assert due["value"] is None
    assert due["evidence"] == []
    assert total["value"] == 41.5
    table = world.objects.bodies[result.prefix + "fields.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["value"] for row in rows] == ["A-17", "41.5", ""]
    (event,) = world.bus.events
    assert isinstance(event, ExtractionReady)
    assert event.extraction_id == result.extraction_id

    again = world.do(world.request(invoice))
    assert again == result
    assert len(world.reader.texts) == 1, "what is stored is not read again"


def test_what_is_doubtful_should_ask_for_a_review() -> None:
    world = World()
    world.do(world.request(world.add("a.pdf", INVOICE + "\nunsure")))
    (event,) = world.bus.events
    assert isinstance(event, ExtractionNeedsReview)
    assert event.reasons == ("/total is doubtful.",)
    assert event.lowest_confidence == 0.4
    assert len(list(world.records.waiting("acme", ""))) == 1


def test_a_format_without_boxes_should_be_read_all_the_same() -> None:
    world = World()
    note = world.add("a.txt")
    del world.objects.bodies[f"documents/acme/{note.document_id}/v_1/words.jsonl"]
    assert world.do(world.request(note)).status == "complete"


def test_should_say_which_document_cannot_be_read() -> None:
    world = World()
    invoice = world.add("a.pdf")
    with pytest.raises(NotFound, match="no document"):
        world.do(world.request(invoice, document_id="doc_" + "x" * 24))
    world.documents.add(invoice.model_copy(update={"version": "", "status": "processing"}))
    with pytest.raises(Conflict, match="processing"):
        world.do(world.request(invoice))


def test_nothing_should_stay_of_a_document_that_is_removed_meanwhile() -> None:
    world = World()
    invoice = world.add("a.pdf")
    world.records.gone.add(invoice.document_id)
    with pytest.raises(NotFound):
        world.do(world.request(invoice))
    assert not [key for key in world.objects.bodies if "/extractions/" in key]
    assert world.bus.events == []


def test_a_job_should_count_every_document_and_keep_the_reasons_of_failures() -> None:
    world = World()
    names = ("a.pdf", "b.pdf", "c.pdf")
    good, bad, unsure = (
        world.add(name, text)
        for name, text in zip(
            names, (INVOICE, "broken beyond repair", "total: 1\nunsure"), strict=True
        )
    )
    world.reader.fails["broken"] = ModelFailure("The model is missing.")
    gone = "doc_" + "z" * 24
    world.begin(good.document_id, bad.document_id, unsure.document_id, gone)
    ended = world.run()
    assert ended.status == "partial"
    assert (ended.counts.total, ended.counts.done, ended.counts.failed) == (4, 2, 2)
    results, errors = world.lines("results.jsonl"), world.lines("errors.jsonl")
    assert [each["path"] for each in results] == ["a.pdf", "c.pdf"]
    assert results[0]["values"]["number"] == "A-17"
    assert results[0]["extraction_id"].endswith(JOB)
    assert [(each["path"], each["error"]["type"]) for each in errors] == [
        ("b.pdf", "ModelFailure"),
        ("", "NotFound"),
    ]
    summary = world.body(PREFIX + "summary.json")
    assert summary["statuses"] == {"complete": 1, "failed": 2, "needs_review": 1}

    world.reader.fails.clear()
    world.launcher.retry(world.state)
    again = world.run()
    assert (again.counts.done, again.counts.failed) == (3, 1)
    assert len(world.reader.texts) == 4, "only what failed is read again"


def test_a_job_over_a_collection_should_take_what_is_ready() -> None:
    world = World()
    world.add("a.pdf", collection="invoices")
    world.add("b.pdf", collection="others")
    waiting = world.add("c.pdf", collection="invoices")
    world.documents.add(waiting.model_copy(update={"version": "", "status": "processing"}))
    world.begin(collection="invoices")
    ended = world.run()
    assert (ended.status, ended.counts.total) == ("succeeded", 1)
    empty = World()
    empty.begin(collection="none")
    with pytest.raises(InvalidInput, match="no document that is ready"):
        empty.run()


def test_a_document_that_arrived_should_be_read_by_the_extractor_of_its_collection() -> None:
    world = World()
    invoice = world.add("a.pdf", collection="bills")
    asked = given(
        "extraction",
        collection="bills",
        document_id=invoice.document_id,
        arrival=ArrivalExtraction(extractor="bills", version="v_1"),
    )
    world.launcher.launch(asked)
    with pytest.raises(NotFound, match="no extractor bills"):
        world.run()
    library = ExtractorLibrary(world.extractors, lambda: NOW)
    library.create("acme", "bills", SCHEMA, "")
    assert world.run().status == "succeeded"
    (stored,) = world.records.extractions("acme", invoice.document_id, "")
    assert (stored.facts.extractor, stored.facts.version) == ("bills@1", "v_1")

    newer = World(extractors=world.extractors)
    newer.documents.add(invoice.model_copy(update={"version": "v_2"}))
    newer.launcher.launch(asked)
    ended = newer.run()
    assert ended.error is not None
    assert (ended.status, ended.error.type) == ("failed", "Conflict")
    assert "newer version" in ended.error.message


def test_what_passes_should_have_more_rounds_and_then_fail_with_its_reason() -> None:
    world = World()
    world.begin(world.add("a.pdf").document_id)
    world.child_fails = {"type": "Lambda.Unknown", "message": "killed"}
    ended = world.run()
    assert (ended.status, ended.counts.failed) == ("failed", 1)
    assert len(world.waits) > 2, "it had several rounds"
    (error,) = world.lines("errors.jsonl")
    assert "Lambda.Unknown: killed" in error["error"]["message"]
    told = world.state.job.error
    assert told is not None
    assert told == ended.error
    assert (told.type, told.message) == (
        "Transient",
        f"None of 1 documents could be read: {error['error']['message']}",
    )
    world.child_fails = None
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"


def test_a_child_should_stop_in_time_and_once_the_job_is_cancelled() -> None:
    world = World(seconds_a_look=40.0)
    names = [world.add(f"{n}.pdf").document_id for n in range(6)]
    world.begin(*names)
    assert world.run().counts.done == 6

    cancelled = World()
    cancelled.begin(cancelled.add("a.pdf").document_id)
    cancelled.launcher.cancel(cancelled.state)
    assert cancelled.run().status == "cancelled"
    assert cancelled.reader.texts == []


def test_a_document_that_takes_too_long_should_fail_with_that_reason_and_hold_up_no_other() -> None:
    reader = LabelledLines(slow=("endless",))
    world = World(reader, seconds=ChildSeconds(document=0.1))
    texts = (INVOICE, "total: 1\nendless", INVOICE)
    documents = [world.add(f"{n}.pdf", text).document_id for n, text in enumerate(texts)]
    world.begin(*documents)
    ended = world.run()
    assert (ended.status, ended.counts.done, ended.counts.failed) == ("partial", 2, 1)
    (error,) = world.lines("errors.jsonl")
    assert (error["path"], error["error"]["type"]) == ("1.pdf", "QuotaExceeded")
    assert "seconds that a document may take" in error["error"]["message"]

    # The same, where the document comes second in a child, and there was less time for it.
    late = World(reader, seconds=ChildSeconds(document=0.1, all=0.15), seconds_a_look=0.02)
    documents = [late.add(f"{n}.pdf", text).document_id for n, text in enumerate(texts)]
    late.begin(*documents)
    late.do(StepRequest.model_validate(late.state.input.model_dump()))
    child = {
        "Items": [{"n": n, "document_id": each} for n, each in enumerate(documents)],
        "BatchInput": {**late.state.input.model_dump(), "epoch": 0},
    }
    result = late.do(ExtractDocumentsRequest.model_validate(child))
    assert (result.done, result.failed, result.left) == (1, 0, 2)


def test_a_service_that_does_not_answer_should_fail_the_child_and_no_document() -> None:
    world = World()
    world.begin(world.add("a.pdf").document_id)
    world.reader.fails["A-17"] = Transient("S3 did not answer")
    with pytest.raises(Transient):
        world.run()
    assert not [key for key in world.objects.bodies if key.startswith(PREFIX + "failures/")]
    world.reader.fails.clear()
    assert world.run().status == "succeeded"


def test_a_named_model_should_be_asked_and_paid_by_the_caller() -> None:
    world = World()
    invoice = world.add("a.pdf", collection="bills")
    model = ModelTerms(model="nova-lite")
    terms = inline_terms(SCHEMA).model_copy(update={"model": model})
    result = world.do(world.request(invoice, terms=terms.model_dump(), key="k1", model_seconds=9))
    shown = world.body(result.prefix + "result.json")
    assert shown["values"]["due"] == "2025-03-14"
    assert shown["facts"]["choices"]["chosen"] == 1
    assert [line["role"] for line in shown["facts"]["receipt"]["lines"]] == [
        "extraction",
        "span selection",
    ]
    ((asked, spender, seconds),) = world.selector.asked
    assert (asked, spender.tenant, spender.key, spender.collection) == (
        model,
        "acme",
        "k1",
        "bills",
    )
    assert seconds == 9
    other = world.add("b.pdf")
    world.do(world.request(other))
    assert len(world.selector.asked) == 1, "without a name none is asked"


def test_a_job_should_keep_what_was_read_without_its_model_and_ask_again_at_its_retry() -> None:
    slow = ItemError(type="Throttled", message="no room")
    final = ItemError(type="Unsupported", message="no budget")
    world = World(selector=FakeSelector([slow, final]))
    names = [world.add(name).document_id for name in ("a.pdf", "b.pdf")]
    world.begin(*names, model=ModelTerms(model="nova-lite"))
    ended = world.run()
    assert (ended.status, ended.counts.done, ended.counts.failed) == ("partial", 1, 1)
    (done,), (failed,) = world.lines("results.jsonl"), world.lines("errors.jsonl")
    assert (done["path"], done["status"]) == ("b.pdf", "needs_review"), "no retry would help it"
    assert (failed["error"]["type"], failed["error"]["message"]) == ("Throttled", "no room")
    assert failed["values"] == {"number": "A-17", "total": 41.5, "due": None}
    first = world.records.kept["acme", failed["extraction_id"]]
    assert "no room" in first.facts.reasons[0]

    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert len(world.selector.asked) == 3, "what was answered is not asked again"
    (again, _) = world.lines("results.jsonl")
    assert (again["values"]["due"], again["status"]) == ("2025-03-14", "complete")
    kept = world.records.kept["acme", failed["extraction_id"]].facts
    assert (kept.created_at, kept.found) == (first.facts.created_at, 3)
    assert len(kept.receipt.lines) == 4, "both attempts are paid"


def test_a_review_that_has_begun_should_not_be_replaced_by_a_retry() -> None:
    world = World(selector=FakeSelector([ItemError(type="Throttled", message="no room")]))
    invoice = world.add("a.pdf")
    world.begin(invoice.document_id, model=ModelTerms(model="nova-lite"))
    assert world.run().status == "partial"
    (((tenant, name), stored),) = world.records.kept.items()
    world.records.kept[tenant, name] = replace(stored, revision=2)
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert world.records.kept[tenant, name].facts == stored.facts
    assert len(world.selector.asked) == 1
