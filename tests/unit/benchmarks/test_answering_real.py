from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.answering_real.figures import figures_by_kind
from benchmarks.answering_real.judging import Ending, JudgedQuestion, judge_question
from chalicelib.contracts.answers import AskResponse, Citation, Claim, NearestPassage
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.receipts import Receipt
from models.real_files.questions import Package, RealFile, RealQuestion
from tests.unit.retrieval.fakes import hit

TEXT = "The pump weighs 41 kg. The gate is opened by hand and closed by the flood."
FILE = RealFile("pump.md", "markdown", Package("pypi", "p", "1", "p.whl"), "m", "0", "MIT", ())
PAGES = {"pump.md": [Page(page=1, text=TEXT)], "other.md": [Page(page=1, text=TEXT)]}
HEAVY = RealQuestion("1", "How heavy is the pump?", ("41 kg",), "number")
OPENED = RealQuestion("2", "Who opens the gate?", ("by hand and closed by the flood",), "name")
NEAR_MISS = RealQuestion("3", "How loud is the pump?", (), "number")


def cited(quote: str, path: str = "pump.md") -> Citation:
    start = TEXT.index(quote)
    return Citation(
        n=1,
        document_id=path,
        version="v",
        path=path,
        page=1,
        start=start,
        end=start + len(quote),
        quote=quote,
    )


def answered(*citations: Citation, nearest: Sequence[Citation] = ()) -> AskResponse:
    claims = (Claim(text="It.", citations=(1,)),)
    return AskResponse(
        answer="It. [1]",
        answered=True,
        outcome="answered",
        tier="extractive",
        claims=claims,
        citations=citations,
        nearest=tuple(NearestPassage(citation=each) for each in nearest),
        receipt=Receipt.of(()),
    )


def unanswered(nearest: Sequence[Citation] = ()) -> AskResponse:
    return AskResponse(
        answer="No.",
        answered=False,
        outcome="nearest" if nearest else "not_found",
        tier="extractive",
        citations=(),
        nearest=tuple(NearestPassage(citation=each) for each in nearest),
        receipt=Receipt.of(()),
    )


@pytest.mark.parametrize(
    ("question", "response", "ending"),
    [
        (HEAVY, answered(cited("The pump weighs 41 kg.")), Ending.RIGHT),
        (HEAVY, answered(cited("The pump weighs 41 kg.", "other.md")), Ending.BESIDE),
        (HEAVY, answered(cited("The gate is opened")), Ending.BESIDE),
        (OPENED, answered(cited("by hand and closed by the")), Ending.RIGHT),
        (OPENED, answered(cited("The gate is opened by hand")), Ending.BESIDE),
        (HEAVY, unanswered([cited("The gate is opened"), cited("41 kg")]), Ending.NEAREST_WITH),
        (HEAVY, unanswered([cited("The gate is opened")]), Ending.NEAREST_WITHOUT),
        (HEAVY, unanswered(), Ending.NOT_FOUND),
        (NEAR_MISS, unanswered(), None),
    ],
)
def test_a_question_should_be_judged_by_where_its_answer_stands(
    question: RealQuestion, response: AskResponse, ending: Ending | None
) -> None:
    found = [hit(TEXT, path="other.md"), hit(TEXT, path="pump.md")]
    judged = judge_question(FILE, question, response, found, PAGES)
    assert judged.ending == ending
    assert judged.rank == (None if question.is_near_miss else 2)


def test_an_answer_beside_the_point_should_count_as_seen_where_a_passage_beside_it_has_it() -> None:
    wrong, right = cited("The gate is opened"), cited("41 kg")
    seen, unseen = (
        judge_question(FILE, HEAVY, answered(wrong, nearest=nearest), [], PAGES)
        for nearest in ([wrong, right], [wrong])
    )
    assert (seen.ending, seen.is_seen) == (Ending.BESIDE, True)
    assert (unseen.ending, unseen.is_seen) == (Ending.BESIDE, False)
    whole = figures_by_kind([seen, unseen])["all"]
    assert whole["beside the point, and the answer in the nearest"] == 1


def test_figures_should_count_answers_and_near_misses_apart() -> None:
    cases = [
        JudgedQuestion(HEAVY, "markdown", "answered", Ending.RIGHT, 1, ""),
        JudgedQuestion(HEAVY, "rst", "nearest", Ending.NEAREST_WITH, 4, "", in_nearest=True),
        JudgedQuestion(HEAVY, "rst", "answered", Ending.BESIDE, None, ""),
        JudgedQuestion(NEAR_MISS, "rst", "nearest", None, None, ""),
    ]
    figures = figures_by_kind(cases)
    whole = figures["all"]
    assert (whole["questions"], whole["near misses"]) == (3, 1)
    assert whole["rightly or in the nearest"]["value"] == pytest.approx(0.667)
    assert whole["outcomes of near misses"] == {"answered": 0, "nearest": 1, "not_found": 0}
    assert (whole["found in ten"]["value"], whole["found first"]["value"]) == (0.667, 0.333)
    assert [figures["by kind"][kind]["questions"] for kind in ("markdown", "rst")] == [1, 2]
