"""The report of an evaluation as one page of HTML, without scripts and without anything outside.

Answers of models and texts of cases are escaped: a page that is opened from a file runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chalicelib.evaluation.reports.elements import (
    html_page,
    html_table,
    html_text,
    interval_text,
    marked,
)

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import (
        CaseChange,
        CaseResult,
        EvaluationResult,
        TargetComparison,
        TargetOutcome,
    )

_IDLE = {"not_run": "not run", "ungraded": "not graded"}


def html_report(result: EvaluationResult) -> str:
    """Return the page."""
    title = f"{result.suite}: {'passed' if result.gate.passed else 'did not pass'}"
    parts = (
        f"<h1>{html_text(title)}</h1>",
        f"<p>{html_text(result.description)}</p>" if result.description else "",
        _facts(result),
        _verdict(result),
        _targets(result),
        _comparisons("Differences between targets", result.comparisons),
        _comparisons("Differences to the baseline", result.gate.comparisons),
        _swaps(result),
        _graders(result),
        case_details(result),
    )
    return html_page(title, parts)


def _facts(result: EvaluationResult) -> str:
    when = result.created_at.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f'<p class="dim">{html_text(result.evaluation_id)}, {when}; seed {result.seed}, '
        f"{result.repeats} of each case; {result.asked} calls, {result.cached} answers from the "
        f"cache; ${result.receipt.dollars:f} at AWS's list prices</p>"
    )


def _verdict(result: EvaluationResult) -> str:
    gate = result.gate
    against = f" against {html_text(gate.baseline)}" if gate.baseline else ""
    word = "The gate passed" if gate.passed else "The gate did not pass"
    reasons = "".join(f'<p class="plain">{html_text(reason)}</p>' for reason in gate.reasons)
    kind = "good" if gate.passed else "bad"
    return (
        f'<section class="verdict {kind}" aria-label="Verdict">'
        f"<p><strong>{word}{against}.</strong></p>{reasons}</section>"
    )


def _targets(result: EvaluationResult) -> str:
    rows = [
        (
            html_text(each.target),
            html_text(each.identity),
            interval_text(each.score),
            f"{each.pass_rate:.1%}",
            str(each.graded),
            str(each.failed),
            str(each.not_run),
            f"{each.mean_seconds:.2f}",
            f"{each.dollars:f}",
        )
        for each in result.targets
    ]
    head = (
        *("target", "what", "score, 95 % interval", "pass", "graded", "failed", "not run"),
        *("seconds", "dollars"),
    )
    return (
        f"<h2>Targets</h2>{html_table(head, rows, 'Scores are means over cases, from 0 to 1.', 2)}"
    )


def _comparisons(title: str, comparisons: Iterable[TargetComparison]) -> str:
    rows = [
        (
            html_text(each.target),
            html_text(each.against),
            interval_text(each.difference, signed=True),
            str(each.better),
            str(each.same),
            str(each.worse),
            _changes(each.worst),
        )
        for each in comparisons
    ]
    if not rows:
        return ""
    head = ("target", "against", "difference, 95 % interval", "better", "same", "worse", "worst")
    words = "Paired by case: what an interval without 0 says is no accident of these cases."
    return f"<h2>{title}</h2>{html_table(head, rows, words, 2, last_is_text=True)}"


def _swaps(result: EvaluationResult) -> str:
    rows = [
        (
            html_text(each.target),
            html_text(each.swap),
            html_text(f"{each.groups[0]} less {each.groups[1]}"),
            interval_text(each.difference, signed=True),
            str(each.cases),
            str(each.changed),
            _changes(each.worst),
        )
        for each in result.swaps
    ]
    if not rows:
        return ""
    head = (
        *("target", "swap", "groups", "difference, 95 % interval", "cases", "changed"),
        "furthest apart",
    )
    words = "Paired by case: each was asked for both groups. Changed: it passes for one only."
    return f"<h2>Swaps</h2>{html_table(head, rows, words, 3, last_is_text=True)}"


def _changes(changes: Iterable[CaseChange]) -> str:
    return ", ".join(
        html_text(f"{each.case} {each.before:.2f} to {each.after:.2f}") for each in changes
    )


def _graders(result: EvaluationResult) -> str:
    rows: list[tuple[str, ...]] = []
    for target in result.targets:
        for each in target.graders:
            agreement = ""
            if each.agreement is not None:
                kappa = (
                    "not known" if each.agreement.kappa is None else f"{each.agreement.kappa:.2f}"
                )
                agreement = f"{kappa} ({each.agreement.share:.0%} of {each.agreement.n})"
            rows.append(
                (
                    html_text(target.target),
                    html_text(each.grader),
                    interval_text(each.score),
                    f"{each.pass_rate:.1%}",
                    agreement,
                )
            )
    head = ("target", "grader", "score, 95 % interval", "pass", "kappa with people")
    words = "Kappa says how well a judging model agrees with people."
    columns = len(head)
    if not any(row[-1] for row in rows):
        columns, words = columns - 1, "Scores by grader."
    shown = [row[:columns] for row in rows]
    return f"<h2>Graders</h2>{html_table(head[:columns], shown, words, 2)}"


def case_details(result: EvaluationResult) -> str:
    """Return every case with its answers and grades, folded, the worst first."""
    cases = (_case(case, result.repeats) for case in _worst_first(result.cases))
    return f"<h2>Cases</h2>{''.join(cases)}"


def _worst_first(cases: Iterable[CaseResult]) -> list[CaseResult]:
    return sorted(cases, key=lambda case: min(each.score for each in case.outcomes))


def _case(case: CaseResult, repeats: int) -> str:
    name = f"{case.case}, repeat {case.repeat + 1}" if repeats > 1 else case.case
    told = ", ".join(f"{each.target} {_state(each)}" for each in case.outcomes)
    good = all(each.passed for each in case.outcomes)
    idle = [each for each in case.outcomes if each.status in _IDLE]
    kind = "good" if good else "idle" if idle else "bad"
    word = "passed" if good else _IDLE[idle[0].status] if idle else "failed"
    bodies = "".join(_outcome(each) for each in case.outcomes)
    return (
        f'<details><summary><strong class="{kind}">{word}</strong> {html_text(name)} '
        f'<span class="dim">{html_text(told)}</span></summary>'
        f'<div class="body">{bodies}</div></details>'
    )


def _outcome(outcome: TargetOutcome) -> str:
    answered = f" by {outcome.answered_by or outcome.model}" if outcome.model else ""
    cached = ", from the cache" if outcome.cached else ""
    facts = f"{outcome.seconds:.2f} s, ${outcome.dollars:f}{answered}{cached}"
    rows = [
        (
            html_text(each.grader),
            marked("good" if each.passed else "bad", "pass" if each.passed else "fail"),
            f"{each.score:.3f}",
            html_text(each.reason),
        )
        for each in outcome.grades
    ]
    error = (
        f'<p class="bad">{html_text(outcome.error.type)}: {html_text(outcome.error.message)}</p>'
        if outcome.error
        else ""
    )
    answer = f'<pre tabindex="0">{html_text(outcome.answer)}</pre>' if outcome.answer else ""
    grades = html_table(("grader", "verdict", "score", "reason"), rows, "", 2, last_is_text=True)
    return (
        f"<h3>{html_text(outcome.target)}: {html_text(_state(outcome))}</h3>"
        f'<p class="dim">{html_text(facts)}</p>{error}{answer}{grades if rows else ""}'
    )


def _state(outcome: TargetOutcome) -> str:
    return _IDLE.get(outcome.status) or f"{outcome.score:.2f}"
