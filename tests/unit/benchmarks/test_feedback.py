from __future__ import annotations

import pytest

from benchmarks.feedback import SCORES, compared, constants, in_other_words
from benchmarks.feedback_answers import Answer, Label, vote_of
from chalicelib.contracts.functions.embed_text import EmbedTextResult
from chalicelib.retrieval.answer.citations import SourceSentence
from chalicelib.retrieval.search import feedback_boost
from chalicelib.retrieval.search.query import SearchResult
from chalicelib.retrieval.text.sentences import TextSpan
from models.judged_search.collection import Judged, JudgedDocument
from tests.unit.retrieval.fakes import hit

GAINS = {"own": 2, "related": 1}


@pytest.mark.parametrize(
    ("found", "rank"),
    [(["own"], 1.0), (["related", "own"], 0.5), (["x", "x", "own"], 0.5), (["related"], 0.0)],
)
def test_a_ranking_should_score_by_its_first_best_document(found: list[str], rank: float) -> None:
    hits = [hit("x", document_id) for document_id in found]
    assert SCORES["MRR@10"](hits, GAINS) == rank
    assert (SCORES["nDCG@10"](hits, GAINS) == 1.0) == (found == ["own", "related"])


def test_a_difference_should_lie_in_its_interval() -> None:
    before = [0.0, 0.5, 1.0, 0.5] * 20
    told = compared(before, [0.5, 0.5, 1.0, 0.25] * 20)
    assert (told["questions"], told["better"], told["worse"]) == (80, 20, 20)
    assert told["difference"] == 0.0625
    low, high = told["interval"]
    assert low < 0.0625 < high
    same = compared(before, before)
    assert (same["difference"], same["interval"]) == (0.0, [0.0, 0.0])


def test_other_words_should_keep_the_question() -> None:
    name = Judged("sgml", "SGML", "test", {"sgml": 2})
    assert "SGML" in in_other_words("foldoc", name, {}) != "SGML"
    told = Judged("bank/n/1", "she went to the Bank", "test", {"bank/n/1": 1})
    known = {"bank/n/1": JudgedDocument("bank/n/1", "", "bank, depository")}
    assert in_other_words("wordnet", told, known) == "she went to the depository"
    alone = {"bank/n/1": JudgedDocument("bank/n/1", "", "bank")}
    assert in_other_words("wordnet", told, alone) == ""


def test_other_constants_should_hold_for_a_while_only() -> None:
    before = (feedback_boost.MIN_SIMILARITY, feedback_boost.MAX_BOOST)
    with constants(0.1, 0.9):
        assert (feedback_boost.MIN_SIMILARITY, feedback_boost.MAX_BOOST) == (0.1, 0.9)
    assert before == (feedback_boost.MIN_SIMILARITY, feedback_boost.MAX_BOOST)


PUMP = hit("The pump weighs 41 kg. It hums.")
FIRST = SourceSentence(PUMP, TextSpan(0, 22), "The pump weighs 41 kg.")
SECOND = SourceSentence(PUMP, TextSpan(23, 31), "It hums.")


@pytest.mark.parametrize(
    ("quotes", "claims", "expected"),
    [
        ("41 kg", [FIRST], {0: 1}),
        ("41 kg", [SECOND], {0: 1, 23: -1}),
        ("41 kg", [], {0: 1}),
        ("7 t", [SECOND], {23: -1}),
    ],
)
def test_a_user_should_point_to_the_fact_where_it_was_found(
    quotes: str, claims: list[SourceSentence], expected: dict[int, int]
) -> None:
    embedding = EmbedTextResult(vectors=((0.6, 0.8),), model="m", tokens=1, seconds=0.0)
    answer = Answer(SearchResult((PUMP,), embedding, ()), [FIRST, SECOND], claims)
    vote = vote_of(Label("What weighs it?", PUMP.path, quotes), answer)
    assert {mark.start: mark.mark for mark in vote.marks} == expected
    assert vote.vector == pytest.approx((0.6, 0.8), abs=0.01)
