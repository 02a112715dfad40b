from __future__ import annotations

from typing import Any

from benchmarks import summary_answers
from benchmarks.answering_real.figures import figures_by_kind
from benchmarks.answering_real.judging import Ending, JudgedQuestion
from benchmarks.ends import Case, curve, summary
from benchmarks.shares import share
from benchmarks.support import Case as Judged
from benchmarks.support import Pair, judged
from models.real_files.questions import RealQuestion

CASES = [
    Case("a", answerable=True, margin=1.9, right=True),
    Case("b", answerable=False, margin=1.9, right=False),
    Case("c", answerable=False, margin=-0.1, right=False, held_out=True),
]


def test_false_answers_should_be_told_as_counts_with_their_interval() -> None:
    held_out = {"held out": summary(CASES[:1] + CASES[2:])}
    sets = {"near": summary(CASES) | held_out, "curve over near": curve(CASES)}
    outcomes = {"near": {"answerable": {"nearest with the answer": 7, "not found": 2}}}
    facts = {
        summary_answers.WAY: sets,
        summary_answers.NEAR: sets,
        summary_answers.OUTCOMES: outcomes,
    }
    lines = list(summary_answers.answering({"facts": facts}))
    assert lines[2].startswith("| near | 1 of 1, 100% (21% to 100%) | 0 | 0 | 1 of 2, 50%")
    assert lines[3].startswith("| near, held out | 1 of 1")
    assert lines[3].endswith("| 0 of 1 |")
    assert "| near, answerable |  |  |  |  | 7 |  | 2 |" in lines
    assert lines[-1] == "| +1.5 | 100% | 50% |"


def test_real_files_should_be_told_by_set_and_kind() -> None:
    right = JudgedQuestion(
        RealQuestion("a", "Why?", ("so",), "reason"), "mails", "answered", Ending.RIGHT, 1, ""
    )
    theirs = {
        "version": "1.2",
        "in its three nodes": share(1, 2),
        "in its first node": share(0, 2),
        "characters of its nodes": 3_000,
    }
    facts = {"held out": figures_by_kind([right]) | {"LlamaIndex": theirs}}
    lines = list(summary_answers.answering_real({"facts": facts}))
    assert lines[2].startswith("| **held out** | 1 + 0 near misses | 100% (21% to 100%) | 0%")
    assert lines[3].startswith("| mails | 1 + 0 near misses | 100%")
    assert "of 3,000 characters together, for 50%" in lines[-1]


def pairs() -> list[Pair]:
    return [
        Pair("a", "a.", supported=True, category="verbatim", held_out=True),
        Pair("b", "a.", supported=False, category="negation", held_out=True),
        Pair("c", "a.", supported=False, category="negation", held_out=False),
    ]


def test_a_check_should_be_told_by_kind_beside_the_older_one() -> None:
    facts: dict[str, Any] = {
        "check_support": judged(pairs(), lambda pair: pair.claim != "b"),
        "older check": judged(pairs(), lambda pair: False),
    }
    found = {"facts": facts, "measured": {"a check": {"median": 70.0, "p90": 80.0}}}
    lines = list(summary_answers.support(found))
    assert lines[2].startswith("| `check_support`, held out | 2 | 1 | 0 | 100%")
    assert lines[3].startswith("| `check_support`, all | 3 | 1 | 1 | 50%")
    (negation,) = (line for line in lines if line.startswith("| negation"))
    assert negation.startswith("| negation | 2 | 50% (10% to 90%) | 100% (21% to 100%) | 100% |")
    assert lines[-1] == "a check: 70 ms, p90 80 ms."


def test_a_judged_pair_should_be_right_where_check_and_label_agree() -> None:
    right, wrong, _ = pairs()
    assert (Judged(right, passed=True).right, Judged(wrong, passed=True).right) == (True, False)
