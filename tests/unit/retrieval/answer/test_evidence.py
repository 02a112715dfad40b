from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.search import Hit
from chalicelib.retrieval.answer.candidates import MAX_CANDIDATES, find_candidates
from chalicelib.retrieval.answer.citations import SourceSentence, cite_claims
from chalicelib.retrieval.answer.evidence import (
    Evidence,
    cosine,
    extract_claims,
    select_candidates,
    text_to_embed,
    weigh_evidence,
)
from chalicelib.retrieval.text.terms import are_related
from tests.unit.retrieval.fakes import FakeEmbedder, hit, vector_of

PUMP = (
    "The pump weighs 41 kg. It was built by Grundfos in Denmark. # Spare parts\nWhere is it kept?"
)


def evidence_for(question: str, *texts: str, **fields: Any) -> list[Evidence]:
    candidates = select_candidates(question, [hit(text, **fields) for text in texts])
    told = [text_to_embed(candidate.source) for candidate in candidates]
    compared = FakeEmbedder().compare(question, told, "")
    own = [vector_of(candidate.source.text) for candidate in candidates]
    matches = tuple(
        match.model_copy(update={"cosine": cosine(vector_of(question), vector)})
        for match, vector in zip(compared.matches, own, strict=True)
    )
    as_they_stand = {"vectors": tuple(own), "matches": matches}
    return weigh_evidence(question, candidates, compared.model_copy(update=as_they_stand))


def candidate_sentences(question: str, passages: Sequence[Hit]) -> list[SourceSentence]:
    return [candidate.source for candidate in find_candidates(question, passages)]


def test_should_answer_with_the_sentence_that_supports_it_best() -> None:
    claims = extract_claims(evidence_for("How much does the pump weigh?", PUMP))
    assert claims[0][0] == "The pump weighs 41 kg."


def test_should_refuse_when_nothing_supports_an_answer() -> None:
    assert extract_claims(evidence_for("Who won the world cup in 1998?", PUMP)) == []


def test_should_refuse_without_any_evidence() -> None:
    assert extract_claims([]) == []


def test_should_not_offer_headings_or_questions_as_statements() -> None:
    texts = [
        source.text
        for source in candidate_sentences(
            "pump",
            [
                hit(
                    "# Pump room\n\nWhat pump runs? Spare.\nA pump runs here daily.",
                    heading="Spare parts",
                )
            ],
        )
    ]
    assert texts == ["A pump runs here daily."]


def test_should_bound_what_has_to_be_embedded() -> None:
    text = " ".join(f"Sentence number {n} says a thing." for n in range(200))
    assert len(select_candidates("thing", [hit(text)])) == MAX_CANDIDATES


def test_should_take_no_head_of_a_table_and_no_number_of_an_item_for_a_statement() -> None:
    table = "| Cause of the stop | Hours |\n| - | :-: |\n| Frazil ice | 14 |"
    (row,) = candidate_sentences("stop", [hit(table)])
    assert row.text == "| Frazil ice | 14 |"
    (source,) = candidate_sentences("stop", [hit("2.\n\nThe machine stops 14 times.")])
    assert source.text == "The machine stops 14 times."


def test_should_offer_a_sentence_of_overlapping_passages_once() -> None:
    assert (
        len(candidate_sentences("pump", [hit("A pump runs daily."), hit("A pump runs daily.")]))
        == 1
    )


def test_should_count_words_of_the_heading_towards_its_sentences() -> None:
    question = "What is the warranty of the pump?"
    with_heading = evidence_for(question, "It lasts two years.", heading="Warranty of the pump")
    without = evidence_for(question, "It lasts two years.")
    assert with_heading[0].support > without[0].support


def test_should_cite_the_exact_characters_of_the_page() -> None:
    page = "Preface.\n\n  The pump weighs 41 kg.  It hums."
    start = 8
    passage = hit(page[start:], start=start, page=7)
    evidence = [
        item
        for item in evidence_for("pump weight kg", page[start:], start=start, page=7)
        if "41" in item.source.text
    ]
    (found,) = cite_claims(extract_claims(evidence)[:1])
    (citation,) = found.citations
    assert (found.claim, citation.n, found.new_citations) == (
        "The pump weighs 41 kg.",
        1,
        (citation,),
    )
    assert page[citation.start : citation.end] == citation.quote
    assert (citation.page, citation.path) == (7, passage.path)


def test_should_share_a_mark_between_claims_that_rest_on_one_sentence() -> None:
    source = candidate_sentences("pump", [hit("The water pump is red.")])[0]
    found = list(cite_claims([("It is red.", source), ("A red pump.", source)]))
    assert [(each.claim, [citation.n for citation in each.citations]) for each in found] == [
        ("It is red.", [1]),
        ("A red pump.", [1]),
    ]
    assert [len(each.new_citations) for each in found] == [1, 0]


def test_should_say_what_the_cells_of_a_row_are_and_cite_the_header_beside_it() -> None:
    table = "| Month | Energy 2024 (MWh) |\n| - | - |\n| March | 214 |\n| April | 201 |"
    rows = candidate_sentences("energy in March", [hit(table)])
    assert [row.text for row in rows] == ["| March | 214 |", "| April | 201 |"]
    assert text_to_embed(rows[0]) == "Month: March; Energy 2024 (MWh): 214"
    first, second = cite_claims([(row.statement, row) for row in rows])
    assert first.claim == "Month: March; Energy 2024 (MWh): 214"
    assert [citation.quote for citation in first.new_citations] == [
        "| March | 214 |",
        "| Month | Energy 2024 (MWh) |",
    ]
    assert [citation.n for citation in second.citations] == [3, 2]
    assert [citation.n for citation in second.new_citations] == [3]


@given(st.text(max_size=300), st.integers(0, 1000))
def test_should_quote_what_stands_at_the_cited_offsets(text: str, start: int) -> None:
    page = "x" * start + text
    for source in candidate_sentences("anything", [hit(text, start=start)] if text else []):
        (found,) = cite_claims([(source.statement, source)])
        for citation in found.citations:
            assert page[citation.start : citation.end] == citation.quote


def test_should_give_a_cosine_of_zero_where_a_vector_has_no_length() -> None:
    assert cosine([0.0, 0.0], [1.0, 0.0]) == 0.0
    assert cosine([2.0, 0.0], [3.0, 0.0]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("one", "other", "family"),
    [
        ("requir", "requirement", True),
        ("calibrat", "calibration", True),
        ("examin", "examination", True),
        ("stat", "station", False),
        ("turbin", "turbid", False),
        ("12345", "123456", False),
        ("general", "generator", False),
    ],
)
def test_should_know_the_words_of_one_family(one: str, other: str, family: bool) -> None:
    assert are_related(one, other) is are_related(other, one) is family


def test_should_count_words_that_stand_nearby_for_little() -> None:
    question = "What is the warranty of the pump?"
    nearby = evidence_for(question, "Notes on every pump follow. Parts last two whole years.")
    alone = evidence_for(question, "Notes on other things follow. Parts last two whole years.")

    def support(found: list[Evidence]) -> float:
        return next(item.support for item in found if "two" in item.source.text)

    assert support(alone) < support(nearby) < support(alone) + 0.1


def test_should_embed_a_sentence_under_its_heading() -> None:
    (under,) = candidate_sentences(
        "Which Python?", [hit("Python 3.11 or newer.", heading="Requirements")]
    )
    (alone,) = candidate_sentences("Which Python?", [hit("Python 3.11 or newer.")])
    assert text_to_embed(under) == "Requirements. Python 3.11 or newer."
    assert text_to_embed(alone) == "Python 3.11 or newer."


def statements_of(text: str, **fields: Any) -> set[str]:
    return {source.statement for source in candidate_sentences("thing", [hit(text, **fields)])}


def test_should_offer_what_a_list_states_and_neither_lead_in_nor_label() -> None:
    assert statements_of("Formats\n\nThe tool reads these files:\n\n- CSV\n- XML") == {
        "The tool reads these files: CSV; XML",
        "The tool reads these files: CSV",
        "The tool reads these files: XML",
    }
    assert statements_of("- Spare parts\n- The machine stops alone at night.") == {
        "The machine stops alone at night."
    }


def test_should_offer_a_named_value_however_short() -> None:
    assert statements_of("From: Ann\nDate: today") == {"From: Ann", "Date: today"}
    assert statements_of("| Price |\n| - |\n| 7 |") == {"Price: 7"}


def test_should_cite_the_lead_in_beside_the_item_that_it_is_shown_with() -> None:
    page = "The tool reads these files:\n\n- CSV\n- XML"
    source = next(
        source for source in candidate_sentences("XML", [hit(page)]) if source.text == "- XML"
    )
    (found,) = cite_claims([(source.statement, source)])
    assert found.claim == "The tool reads these files: XML"
    assert [page[cited.start : cited.end] for cited in found.citations] == [
        "- XML",
        "The tool reads these files:",
    ]


def test_should_rank_a_sentence_above_the_next_one_that_adds_nothing() -> None:
    claims = extract_claims(evidence_for("How much does the pump weigh?", PUMP))
    assert [claim for claim, _ in claims] == ["The pump weighs 41 kg."]
