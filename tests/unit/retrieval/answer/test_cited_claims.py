"""The promise of every answer: its numbers, dates and names stand in what it cites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.answers import AskResponse, ConversationTurn
from chalicelib.contracts.functions.check_support import CheckRequest, CheckResult, CheckSource
from chalicelib.inference.word_vectors import Span, WordVectors
from chalicelib.retrieval.answer.pipeline import QuestionAnswerer
from chalicelib.retrieval.search.query import Query
from chalicelib.retrieval.search.searcher import Searcher
from functions.check_support.core import Deps, run
from tests.unit.ingest.fakes import FakeTenants
from tests.unit.retrieval.fakes import (
    FakeDeclarations,
    FakeEmbedder,
    FakeIndex,
    FakePrices,
    FakeScreen,
    FakeVersions,
    FakeWriter,
    hit,
    vector_of,
)

NAMES = ("Voss", "Kern", "Falk", "Tarnby", "Lindau")
THINGS = ("pump", "gate", "screen")
FIGURE = re.compile(r"\d+|\b(?:" + "|".join(NAMES) + r")\b")


class WordsApart:
    """Reads words as vectors that are alike where the words are the same."""

    model = "words"

    def read(self, text: str, spans: Sequence[Span]) -> WordVectors:
        words = [vector_of(text[start:end]) for start, end in spans] or [vector_of("")]
        return WordVectors(
            np.array(words, np.float32)[: len(spans)], np.array(vector_of(text)), len(spans)
        )


@dataclass
class RealChecker:
    """The function's own core, on vectors of whole words."""

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        request = CheckRequest(question=question, claims=tuple(claims), sources=tuple(sources))
        return run(request, Deps(WordsApart(), lambda: 0.0))


def sentences() -> st.SearchStrategy[str]:
    thing, name, number = st.sampled_from(THINGS), st.sampled_from(NAMES), st.integers(2, 40)
    return st.one_of(
        st.builds("The {} has {} bolts.".format, thing, number),
        st.builds("In May 20{:02} the firm {} mended the {}.".format, number, name, thing),
        st.builds("It was mended by the firm {} with {} bolts.".format, name, number),
        st.builds("The {} hums.".format, thing),
    )


texts = st.lists(sentences(), min_size=1, max_size=5).map(" ".join)
questions = st.one_of(
    st.builds("How many bolts does the {} have?".format, st.sampled_from(THINGS)),
    st.builds("Which firm mended the {}?".format, st.sampled_from(THINGS)),
    st.just("What has it got in bolts?"),
)


def answered(
    question: str, passages: Sequence[str], says: str | None, history: Sequence[ConversationTurn]
) -> AskResponse:
    hits = [
        hit(text, page=page, heading="Voss 7 in May 2040") for page, text in enumerate(passages, 1)
    ]
    versions = FakeVersions({"doc_a": "v_1"})
    searcher = Searcher(
        FakeEmbedder(), FakeTenants(), FakeIndex(hits), versions, FakeDeclarations()
    )
    writer = None if says is None else FakeWriter(says)
    answerer = QuestionAnswerer(
        searcher, FakeEmbedder(), writer, FakePrices(), RealChecker(), FakeScreen()
    )
    query = Query("acme", question, None, 10, "req-1")
    return answerer.answer(query, None if says is None else "llm", history)


def unfounded(outcome: AskResponse) -> set[str]:
    """Return the figures of claims without a mark that are not in what the claims cite."""
    quotes = {citation.n: citation.quote for citation in outcome.citations}
    found = set()
    for claim in outcome.claims:
        if claim.unsupported:
            continue
        cited = " ".join(quotes[n] for n in claim.citations)
        found |= set(FIGURE.findall(claim.text)) - set(FIGURE.findall(cited))
    return found


@settings(deadline=None)
@given(questions, st.lists(texts, min_size=1, max_size=3), texts, st.booleans())
def test_should_claim_no_figure_that_its_citations_do_not_show(
    question: str, passages: list[str], says: str, follows: bool
) -> None:
    told = ConversationTurn(
        question="What is the gate like?", answer="The gate has 9 bolts of Lindau. [1]"
    )
    history = [told] if follows else []
    for written in (None, says):
        assert unfounded(answered(question, passages, written, history)) == set()


def test_should_use_what_the_model_says_where_the_citations_show_it() -> None:
    text = "The pump has 9 bolts. In May 2030 the firm Kern mended the pump."
    outcome = answered("How many bolts does the pump have?", [text], text, [])
    assert (outcome.tier, unfounded(outcome)) == ("llm", set())
    assert " ".join(citation.quote for citation in outcome.citations) == text


def test_should_not_take_a_figure_from_the_heading_of_a_passage() -> None:
    text = "The pump has 9 bolts."
    outcome = answered("How many bolts?", [text], "The Voss pump has 9 bolts.", [])
    assert (outcome.tier, outcome.answer) == ("llm", "The Voss pump has 9 bolts. [unsupported]")
    assert [passage.citation.quote for passage in outcome.nearest] == [text]
    assert "name missing" in outcome.notices[0]
