from __future__ import annotations

from typing import Any

import pytest

from benchmarks.judged import BASE, LABELLED, RERANKED_WAY
from benchmarks.judged.labelled import Ended, Label, labels
from benchmarks.retrieval import answers, compared, measure
from benchmarks.summary_retrieval import retrieval as written
from models.judged_search import collection

GAINS = [{"a": 2, "b": 1}, {"c": 1}]
RANKINGS = {BASE: [["b", "a"], ["x", "c"]], RERANKED_WAY: [["a", "b"], ["c", "x"]]}


def ended(reciprocal: float, answered: bool, right: bool, path: str = "a.md") -> Ended:
    return Ended(Label("q", path, "x"), reciprocal, answered, right)


def test_both_halves_should_have_their_share_of_each_collection() -> None:
    for name in collection.PACKAGES:
        halves = [question.half for question in collection.frozen(name).questions]
        assert 0.4 < halves.count("tune") / len(halves) < 0.6


def test_every_judgement_should_be_of_a_document_that_is_there() -> None:
    for name in collection.PACKAGES:
        frozen = collection.frozen(name)
        known = set(frozen.documents)
        assert len(known) == len(frozen.documents)
        assert all(question.gains.keys() <= known for question in frozen.questions)


def test_a_package_that_is_not_installed_should_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "installed", lambda name: name != "foldoc")
    with pytest.raises(FileNotFoundError, match=r"apt-get install dict-foldoc$"):
        measure(1)


def test_ways_should_be_set_against_hybrid() -> None:
    told = compared(RANKINGS, GAINS)
    assert told[BASE]["MRR@10"] == {"mean": 0.75}
    assert told[RERANKED_WAY]["MRR@10"]["mean"] == 1
    assert told[RERANKED_WAY]["MRR@10"]["difference"]["mean"] == 0.25
    assert told[RERANKED_WAY]["nDCG@10"]["mean"] == 1


def test_answers_should_be_counted_where_something_answers_and_where_nothing_does() -> None:
    cases = [ended(0.5, True, True), ended(0.0, True, False), ended(0.0, True, False, "")]
    told = answers({BASE: cases, RERANKED_WAY: cases})[BASE]
    assert told == {
        "answerable": 2,
        "unanswerable": 1,
        "MRR@10": {"mean": 0.25},
        "answered rightly": 1,
        "answered though nothing answers": 1,
    }


def test_labels_should_be_of_all_sets() -> None:
    told = list(labels())
    assert sum(not label.path for label in told) > 100
    assert Label("q", "a.md", "340 metres").right("a.md", "It is 340\n metres long.")
    assert not Label("q", "a.md", "340 metres").right("b.md", "340 metres")
    assert not Label("q").right("", "anything")


def test_the_table_should_show_means_and_intervals() -> None:
    cases = [ended(0.5, True, True), ended(0.0, False, False, "")]
    facts: dict[str, Any] = {
        "small": {
            "documents": 3,
            "questions": 2,
            "ways": compared(RANKINGS, GAINS),
        },
        LABELLED: answers({BASE: cases, RERANKED_WAY: cases}),
    }
    found = {"facts": facts, "measured": {"reranking": {"median": 12.4, "p90": 30.0}}}
    lines = list(written(found))
    assert "| | nDCG@10 | MRR@10 | Recall@10 | Recall@100 |" in lines
    reranked = next(line for line in lines if line.startswith(f"| {RERANKED_WAY} |"))
    assert "1.000 (+0.250: +0.000 to +0.500)" in reranked
    assert "| reranking | 12 | 30 |" in lines
