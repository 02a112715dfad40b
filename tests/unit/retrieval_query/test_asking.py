from __future__ import annotations

import pytest

from chalicelib.contracts import AskResponse, Hit, Tier
from chalicelib.contracts.asking import AskEvent, folded
from chalicelib.errors import HeadraceError, Transient
from chalicelib.retrieval.asking import Asker
from chalicelib.retrieval.finding import Finder, Query
from chalicelib.retrieval.refusals import NOT_FOUND
from tests.unit.ingest.fakes import FakeTenants
from tests.unit.retrieval_query.fakes import (
    FakeChecker,
    FakeDeclarations,
    FakeEmbedder,
    FakeIndex,
    FakePrices,
    FakeVersions,
    FakeWriter,
    hit,
)

STRONG = "The pump weighs 41 kg. It hums quietly."
WEAK = "A pump that weighs as much as that needs two people and a trolley when moved indoors."


def ask(
    text: str,
    hits: list[Hit],
    writer: FakeWriter | None = None,
    tier: Tier | None = None,
    checker: FakeChecker | None = None,
) -> tuple[AskResponse, FakeEmbedder]:
    embedder = FakeEmbedder()
    versions = FakeVersions({"doc_a": "v_1"})
    finder = Finder(embedder, FakeTenants(), FakeIndex(hits), versions, FakeDeclarations())
    query = Query("acme", text, None, 10, "req-1")
    return Asker(finder, embedder, writer, FakePrices(), checker or FakeChecker()).ask(
        query, tier
    ), embedder


def events_of(text: str, hits: list[Hit]) -> list[AskEvent]:
    embedder = FakeEmbedder()
    finder = Finder(
        embedder, FakeTenants(), FakeIndex(hits), FakeVersions({"doc_a": "v_1"}), FakeDeclarations()
    )
    query = Query("acme", text, None, 10, "req-1")
    return list(Asker(finder, embedder, None, FakePrices(), FakeChecker()).events(query))


def roles(outcome: AskResponse) -> list[str]:
    return [line.role for line in outcome.receipt.lines]


def writer(says: str | HeadraceError = "The pump weighs 41 kg.") -> FakeWriter:
    return FakeWriter(says)


def test_should_not_ask_a_language_model_where_an_extract_suffices() -> None:
    model = writer()
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], model)
    assert (outcome.answered, outcome.tier, model.asked) == (True, "extractive", [])
    assert outcome.answer.startswith("The pump weighs 41 kg. [1]")


def test_should_ask_a_language_model_where_support_is_weak() -> None:
    model = writer(WEAK)
    outcome, _ = ask(
        "Does the pump weigh down a trolley for people with a garage and a licence?",
        [hit(WEAK)],
        model,
    )
    assert len(model.asked) == 1
    assert outcome.tier == "llm"


def test_should_ask_a_language_model_when_told_to() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], writer(), "llm")
    assert (outcome.tier, outcome.answer) == ("llm", "The pump weighs 41 kg. [1]")
    assert roles(outcome).count("answer") == 1


def test_should_never_ask_a_language_model_when_told_not_to() -> None:
    model = writer(WEAK)
    outcome, _ = ask(
        "Does the pump weigh down a trolley for people with a garage and a licence?",
        [hit(WEAK)],
        model,
        "extractive",
    )
    assert (outcome.tier, model.asked) == ("extractive", [])


def test_should_fall_back_where_the_generated_answer_is_not_supported() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], writer("It weighs 7 t."), "llm")
    assert (outcome.answered, outcome.tier) == (True, "extractive")
    assert "not supported" in outcome.notices[0]
    assert roles(outcome).count("answer") == 1


def test_should_list_the_check_in_the_receipt_and_quote_what_the_claim_rests_on() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], writer(), "llm")
    assert roles(outcome)[-1] == "support check"
    assert [citation.quote for citation in outcome.citations] == ["The pump weighs 41 kg."]


def test_should_fall_back_where_the_answer_cannot_be_checked() -> None:
    checker = FakeChecker(Transient("down"))
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], writer(), "llm", checker)
    assert (outcome.answered, outcome.tier) == (True, "extractive")
    assert outcome.notices == ("The answer could not be checked (Transient).",)


def test_should_fall_back_where_the_language_model_fails() -> None:
    model = writer(Transient("down"))
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], model, "llm")
    assert (outcome.answered, outcome.tier) == (True, "extractive")
    assert "Transient" in outcome.notices[0]


def test_should_say_so_where_no_language_model_is_set_up() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], None, "llm")
    assert outcome.notices == ("No language model is set up.",)


def test_should_refuse_without_asking_a_language_model_to_make_something_up() -> None:
    model = writer()
    outcome, _ = ask("Who won the cup in 1998?", [hit(STRONG)], model, "llm")
    assert (outcome.answered, outcome.answer, outcome.citations) == (False, NOT_FOUND, ())
    assert model.asked == []


def test_should_refuse_where_only_replaced_versions_are_found() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG, version="v_0")])
    assert not outcome.answered


def test_should_pass_the_correlation_id_to_every_call() -> None:
    _, embedder = ask("The pump weighs how much kg?", [hit(STRONG)], writer(), "llm")
    assert embedder.correlation_ids == ["req-1"] * 2


def test_should_tell_what_was_used_in_order() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)], writer(), "llm")
    assert roles(outcome) == [
        "question embedding",
        "sentence embedding",
        "answer",
        "support check",
    ]


def test_should_give_claims_as_the_answer_writes_them() -> None:
    outcome, _ = ask("The pump weighs how much kg?", [hit(STRONG)])
    assert (outcome.claims[0].text, outcome.claims[0].citations) == ("The pump weighs 41 kg.", (1,))
    assert outcome.answer.startswith("The pump weighs 41 kg. [1]")


def test_should_cite_before_it_claims_and_say_what_it_took_at_the_end() -> None:
    events = [event.event for event in events_of("The pump weighs how much kg?", [hit(STRONG)])]
    assert events[:3] == ["retrieved", "citation", "claim"]
    assert events[-1] == "done"
    refusal = [event.event for event in events_of("Who won the cup in 1998?", [hit(STRONG)])]
    assert refusal == ["retrieved", "refused", "done"]


def test_should_fold_only_a_whole_answer() -> None:
    events = events_of("The pump weighs how much kg?", [hit(STRONG)])
    assert folded(events).answered
    for cut in (events[:-1], events[1:]):
        with pytest.raises(ValueError, match="begin with"):
            folded(cut)
