"""The table of a tuned model against others: what it may say, and what it must not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from chalicelib.contracts.evaluations.results import EvaluationResult, ScoreInterval, TargetAnswer
from chalicelib.contracts.evaluations.suites import Suite, SuiteCase, Target
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.errors import InvalidInput, ModelFailure, QuotaExceeded
from chalicelib.evaluation.summary import summarize
from cli.evaluation.tuning import scores
from cli.evaluation.tuning.page import comparison_page
from cli.evaluation.tuning.rows import ComparedRows, require_apart, rows_with_own
from cli.evaluation.tuning.suite import (
    ComparedTarget,
    ComparisonWish,
    comparison_suite,
    metrics_of,
    uses_of,
)
from cli.evaluation.tuning.table import (
    ComparisonTerms,
    TrainingCost,
    TunedComparison,
    compare_tuned,
)
from cli.evaluation.tuning.verdict import PairedEvidence, overall, verdict_of
from cli.failures import ItemsFailedError, UsageError
from cli.output import Output
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn, DataRow, LabelledText
from tests.unit.evaluation.fakes import Targets, runner

NOW = datetime(2026, 11, 30, tzinfo=UTC)
COST = TrainingCost(seconds=1_000, dollars=Decimal("0.06"))
Reply = Callable[[Target, SuiteCase], str]


def chat(question: str, answer: str) -> ChatExample:
    turns = (
        ChatTurn(role="system", content="As JSON."),
        ChatTurn(role="user", content=question),
        ChatTurn(role="assistant", content=answer),
    )
    return ChatExample(messages=turns)


def rows(held_out: int = 30) -> ComparedRows:
    """Return rows whose training and held-out questions have nothing in common."""
    judged = tuple(chat(f"judged {n * 7919}", f'{{"n": {n}}}') for n in range(held_out))
    trained = tuple(chat(f"learned {n * 104729}", f'{{"n": {n}}}') for n in range(9))
    return ComparedRows("chat", judged, trained, "a" * 64)


def made_suite(found: ComparedRows, metric: str = "exact_match") -> Suite:
    wish = ComparisonWish(ComparedTarget("mine", "mine"), uses_of("other", 2), metric)
    return comparison_suite(found, wish, found.trained[:2])


class Paid(Targets):
    """Answers for a price by model: the tuned one costs a thousandth of the other."""

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        found = super().answer(target, case, repeat)
        dollars = Decimal("0.000001" if target.name == "mine" else "0.001")
        line = ReceiptLine(model="m", role="chat", dollars=dollars, tokens_in=7, tokens_out=3)
        return found.model_copy(update={"receipt": Receipt.of([line])})


def compared(
    reply: Reply, found: ComparedRows | None = None, metric: str = "exact_match"
) -> tuple[TunedComparison, EvaluationResult]:
    given = found or rows()
    suite = made_suite(given, metric)
    cases = list(runner(suite, Paid(lambda target, case, _: reply(target, case))).run_all())
    result = summarize(suite, cases, evaluation_id="e", created_at=NOW)
    metrics = metrics_of(given.kind, given.held_out, "")
    return compare_tuned(suite, result, ComparisonTerms(metrics, metric, COST)), result


def mine_is_right(target: Target, case: SuiteCase) -> str:
    return (case.expected or "") if target.name == "mine" else "no idea"


def test_a_better_and_cheaper_model_should_be_worth_it_and_say_when_it_has_paid() -> None:
    found, result = compared(mine_is_right)
    mine, plain, shown = found.models
    assert (found.verdict.word, plain.name, shown.name) == ("worth it", "other", "other 2-shot")
    assert set(mine.metrics) == {"f1", "exact_match", "fields", "json_valid"}
    assert {each.mean for each in mine.metrics.values()} == {1}
    assert (mine.tokens_in, mine.tokens_out, mine.seconds_p50) == (7, 3, 0.5)
    assert (mine.dollars_per_1000, plain.dollars_per_1000) == (Decimal("0.001"), Decimal(1))
    assert plain.pays_after == 61, "0.06 dollars, and 0.000999 are saved by each call"
    assert plain.differences["exact_match"].low == pytest.approx(0.84, abs=0.02)
    assert "paid for itself after 61 calls" in found.verdict.sentence
    text = comparison_page(found, result)
    parser = HTMLParser()
    parser.feed(text)
    assert "<script" not in text
    assert text.count("<circle") == 2


def test_answers_that_are_all_alike_should_prove_nothing_and_have_an_interval() -> None:
    found, _ = compared(lambda target, case: case.expected or "")
    tie = found.models[1].differences["exact_match"]
    assert tie.mean == 0
    assert (tie.low or 0) < -0.05 < 0.05 < (tie.high or 0)
    assert found.verdict.word == "not proven"


def test_too_few_rows_should_prove_nothing_however_large_the_difference() -> None:
    found, _ = compared(mine_is_right, rows(19))
    assert found.verdict.word == "not proven"
    assert "20 are the fewest" in found.verdict.sentence


def test_a_model_that_fails_on_half_of_its_calls_should_score_0_there() -> None:
    def halves(target: Target, case: SuiteCase) -> str:
        if target.name == "mine" and int(case.id.removeprefix("row-")) % 2:
            raise ModelFailure("nothing usable")
        return case.expected or ""

    found, _ = compared(halves)
    mine = found.models[0]
    assert (mine.failed, mine.rows, mine.metrics["exact_match"].mean) == (15, 30, 0.5)
    assert found.models[1].differences["exact_match"].mean == -0.5
    assert found.verdict.word == "not proven"
    assert "--margin" in found.verdict.sentence, "worse and cheaper is for its user to weigh"


def test_a_model_that_answers_nothing_should_be_beaten_by_nobody() -> None:
    def silent(target: Target, case: SuiteCase) -> str:
        if target.name == "other":
            raise ModelFailure("access is denied")
        return mine_is_right(target, case)

    found, _ = compared(silent)
    assert [each.verdict and each.verdict.word for each in found.models] == [
        *(None, "not proven", "worth it")
    ]
    assert "other answered none of its calls" in found.verdict.sentence


def test_calls_that_were_not_made_should_leave_the_verdict_open() -> None:
    def stopped(target: Target, case: SuiteCase) -> str:
        if case.id == "row-30":
            raise QuotaExceeded("the budget is used up")
        return mine_is_right(target, case)

    found, _ = compared(stopped)
    assert found.verdict.word == "not proven"
    assert "the run is not whole" in found.verdict.sentence


def evidence(low: float, high: float, saved: str = "-1", n: int = 40) -> PairedEvidence:
    found = ScoreInterval(mean=(low + high) / 2, low=low, high=high, n=n)
    pays = 60 if Decimal(saved) > 0 else None
    return PairedEvidence("other", "f1", found, found, 0, Decimal(saved), pays)


@pytest.mark.parametrize(
    ("seen", "margin", "word"),
    [
        (evidence(0.01, 0.2), 0.0, "worth it"),
        (evidence(0.0, 0.2), 0.0, "not proven"),
        (evidence(-0.2, -0.01), 0.0, "not worth it"),
        (evidence(-0.2, -0.01, saved="1"), 0.0, "not proven"),
        (evidence(-0.2, -0.15, saved="1"), 0.1, "not worth it"),
        (evidence(-0.05, 0.02, saved="1"), 0.1, "worth it"),
        (evidence(-0.05, 0.02, saved="0"), 0.1, "not worth it"),
        (evidence(-0.15, 0.02, saved="1"), 0.1, "not proven"),
    ],
)
def test_a_verdict_should_be_said_only_where_the_interval_carries_it(
    seen: PairedEvidence, margin: float, word: str
) -> None:
    found = verdict_of(seen, margin)
    assert found.word == word
    assert found.sentence.lower().startswith(f"{word} against other")
    assert overall([found]).word == word


def test_nothing_compared_should_prove_nothing() -> None:
    assert overall([]).word == "not proven"


def labels(wanted: Sequence[int], given: Sequence[int]) -> scores.LabelledAnswers:
    return scores.LabelledAnswers(np.array(wanted), np.array(given), max(wanted) + 1)


def test_metrics_of_labels_should_be_those_of_their_definitions() -> None:
    # By scikit-learn 1.9.1: f1_score(average="macro"), matthews_corrcoef.
    wanted, given = [0, 0, 0, 1, 1, 2, 2, 2, 2, 0], [0, 0, 1, 1, 1, 2, 0, 2, 2, 0]
    f1 = scores.label_interval("macro_f1", labels(wanted, given), 0)
    mcc = scores.label_interval("mcc", labels(wanted, given), 0)
    assert f1.mean == pytest.approx(0.8023809523809524)
    assert mcc.mean == pytest.approx(0.7077760731311632)
    assert (f1.low or 9) < f1.mean < (f1.high or 0)
    assert scores.label_interval("mcc", labels(wanted, [0] * 10), 0).mean == 0


def test_equal_labels_should_leave_a_difference_of_labels_open() -> None:
    same = labels([0, 1] * 15, [0, 1] * 15)
    found = scores.label_difference("macro_f1", same, same, 0)
    assert found.mean == 0
    assert (found.low or 0) < 0 < (found.high or 0)


def test_an_answer_should_be_the_only_label_that_it_names() -> None:
    def answered(text: str) -> object:
        found = scores.labelled_answers(
            [
                runner(made_suite(rows(1)))
                .run(made_suite(rows(1)).cases[0], 0)
                .outcomes[0]
                .model_copy(update={"answer": text})
            ],
            ["good"],
        )
        return int(found.given[0])

    assert [answered(text) for text in ("good", " Good.", "Label: good", "bad")] == [0, 0, 0, -1]


def test_a_score_that_is_not_a_number_should_be_refused() -> None:
    with pytest.raises(InvalidInput, match="not a number"):
        scores.difference_interval([math.nan, 0.5], [0.0, 0.25], 0)
    with pytest.raises(ValueError, match="score"):
        EvaluationResult.model_validate_json('{"cases": [{"outcomes": [{"score": NaN}]}]}')


def test_an_example_that_is_held_out_or_nearly_should_be_refused() -> None:
    found = rows()
    require_apart(found.trained, found.held_out)
    again = chat("JUDGED   7919", "x")
    nearly = chat("We should like a table for nine people near the window on Friday at 7pm", "x")
    typo = chat("We should like a table for nine people near the window on Friday at 8pm", "x")
    with pytest.raises(UsageError, match=r"Example 2 .* held-out too"):
        require_apart([found.trained[0], again], found.held_out)
    with pytest.raises(UsageError, match="give the answer away"):
        require_apart([typo], [*found.held_out, nearly])


def test_own_rows_that_were_trained_on_should_be_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = DataSource(source="a test", licence="CC0-1.0")
    given = rows()
    parts: dict[str, Sequence[DataRow]] = {"train": given.trained, "test": given.held_out}
    write_channel(tmp_path / "channel", "chat", parts, about)  # type: ignore[arg-type]
    own = tmp_path / "own.jsonl"
    new = [chat(f"unseen {n * 31337} of them", f'{{"n": {n}}}') for n in range(12)]
    own.write_text("".join(f"{row.line()}\n" for row in new))
    found = rows_with_own(tmp_path / "channel", own, tmp_path, Output())
    assert len(found.held_out) == 12
    assert found.trained == given.trained
    own.write_text("".join(f"{row.line()}\n" for row in (*new, given.trained[0])))
    with pytest.raises(ItemsFailedError):
        rows_with_own(tmp_path / "channel", own, tmp_path, Output())
    assert "leaked_row" in capsys.readouterr().out


def test_a_classifier_should_be_compared_with_chats_that_are_told_its_labels() -> None:
    judged = tuple(
        LabelledText(text=f"text {n}", label="good" if n % 2 else "bad") for n in range(24)
    )
    found = ComparedRows("labelled_text", judged, judged[:0], "a" * 64)
    wish = ComparisonWish(ComparedTarget("mine", "mine", classifies=True), uses_of("nova-micro", 0))
    suite = comparison_suite(found, wish, ())
    mine, chats = (each.model_dump() for each in suite.targets)
    assert (mine["task"], mine["system"], chats["task"]) == ("classification", "", "chat")
    assert "bad; good" in chats["system"]
    assert metrics_of("labelled_text", judged, "") == ("macro_f1", "mcc", "accuracy")
    with pytest.raises(UsageError, match="measured here are macro_f1, mcc, accuracy"):
        comparison_suite(found, ComparisonWish(wish.tuned, wish.others, "f1"), ())
