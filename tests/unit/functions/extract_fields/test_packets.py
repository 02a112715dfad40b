"""`extract_fields`: files that hold several documents, and the choice among extractors."""

from __future__ import annotations

from pydantic import JsonValue

from chalicelib.contracts.extraction_orders import ExtractionTerms
from chalicelib.errors import ModelFailure
from chalicelib.labelling.extractors import inline_terms
from functions.extract_fields.job_documents import ChildSeconds
from tests.unit.functions.extract_fields.world import INVOICE, World

LETTER: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"sender": {"type": "string"}, "subject": {"type": "string"}},
}
PAGES = (
    "number: A-17\ntotal: 41.50\ndue: 2026-01-02\nPage 1 of 2",
    "thank you\nPage 2 of 2",
    "sender: Ann\nsubject: Holidays\nPage 1 of 1",
    "number: B-2\ntotal: 3\ndue: 2026-01-03\nPage 1 of 1",
)


def letters() -> tuple[ExtractionTerms, ...]:
    return (inline_terms(LETTER).model_copy(update={"extractor": "letters@1"}),)


def test_each_document_of_a_packet_should_be_extracted_by_what_fits_it() -> None:
    world = World()
    packet = world.add_packet("scan.pdf", *PAGES)
    world.begin(packet.document_id, others=letters(), split=True)
    ended = world.run()
    assert (ended.status, ended.counts.total, ended.counts.done) == ("succeeded", 1, 1)
    results = world.lines("results.jsonl")
    assert [(each["first_page"], each["last_page"]) for each in results] == [(1, 2), (3, 3), (4, 4)]
    assert [each["extractor"] for each in results] == ["", "letters@1", ""]
    assert results[0]["values"] == {"number": "A-17", "total": 41.5, "due": "2026-01-02"}
    assert results[1]["values"] == {"sender": "Ann", "subject": "Holidays"}
    assert all(0.5 < each["split_confidence"] <= 1 for each in results)
    assert len({each["extraction_id"] for each in results}) == 3
    assert world.body("jobs/acme/" + world.state.input.job_id + "/summary.json")["statuses"] == {
        "complete": 3
    }
    facts = world.records.extraction("acme", results[0]["extraction_id"])
    assert facts is not None
    assert (facts.facts.first_page, facts.facts.pages) == (1, 2)


def test_a_document_that_fails_should_be_named_by_its_pages_and_read_again_alone() -> None:
    world = World()
    packet = world.add_packet("scan.pdf", *PAGES)
    world.reader.fails["B-2"] = ModelFailure("The model is missing.")
    world.begin(packet.document_id, split=True)
    ended = world.run()
    assert (ended.status, ended.counts.failed) == ("partial", 1)
    assert [each["first_page"] for each in world.lines("results.jsonl")] == [1, 3]
    (error,) = world.lines("errors.jsonl")
    assert (error["first_page"], error["path"]) == (4, "scan.pdf")
    assert error["error"]["type"] == "ModelFailure"
    read = len(world.reader.texts)

    world.reader.fails.clear()
    world.launcher.retry(world.state)
    again = world.run()
    assert (again.status, len(world.lines("results.jsonl"))) == ("succeeded", 3)
    assert len(world.reader.texts) == read + 1, "what is stored is not read again"


def test_what_no_extractor_clearly_fits_should_be_said_and_not_guessed() -> None:
    world = World()
    packet = world.add_packet("scan.pdf", PAGES[0], PAGES[1], "nothing of either\nPage 1 of 1")
    world.begin(packet.document_id, others=letters(), split=True)
    world.run()
    (error,) = world.lines("errors.jsonl")
    assert error["error"]["field"] == "extractors"
    assert "No extractor clearly fits pages 3 to 3" in error["error"]["message"]
    assert "letters@1 0.00" in error["error"]["message"]


def test_of_several_extractors_one_should_be_chosen_for_a_file_that_is_not_split() -> None:
    world = World()
    letter = world.add_packet("letter.pdf", PAGES[2])
    invoice = world.add("a.pdf", INVOICE)
    world.begin(letter.document_id, invoice.document_id, others=letters())
    assert world.run().status == "succeeded"
    assert [each["extractor"] for each in world.lines("results.jsonl")] == ["letters@1", ""]


def test_a_packet_that_takes_longer_should_go_on_in_another_round() -> None:
    world = World(seconds=ChildSeconds(all=100.0), seconds_a_look=6.0)
    packet = world.add_packet("scan.pdf", *PAGES)
    world.begin(packet.document_id, split=True)
    assert world.run().status == "succeeded"
    assert len(world.lines("results.jsonl")) == 3
    assert len(world.reader.texts) == 3, "what is stored is not read again"


def test_a_choice_that_takes_too_long_should_fail_with_that_reason() -> None:
    world = World(seconds=ChildSeconds(document=0.2))
    world.reader.slow_to_fit = ("sender",)
    world.begin(world.add_packet("scan.pdf", *PAGES).document_id, others=letters(), split=True)
    ended = world.run()
    assert ended.counts.failed == 1
    errors = world.lines("errors.jsonl")
    assert any(each["error"]["type"] == "QuotaExceeded" for each in errors)


def test_a_file_without_a_page_should_be_refused() -> None:
    world = World()
    world.begin(world.add_packet("empty.pdf").document_id, others=letters(), split=True)
    world.run()
    (error,) = world.lines("errors.jsonl")
    assert "no page" in error["error"]["message"]
