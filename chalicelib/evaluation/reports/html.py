"""The report of an evaluation as one page of HTML, without scripts and without anything outside.

Answers of models and texts of cases are escaped: a page that is opened from a file runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from chalicelib.evaluation.reports.style import STYLE
from chalicelib.evaluation.texts import whole_text

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import (
        CaseChange,
        CaseResult,
        EvaluationResult,
        ScoreInterval,
        TargetComparison,
        TargetOutcome,
    )

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A browser loads and runs nothing on the page, whatever an answer holds."""
_IDLE = {"not_run": "not run", "ungraded": "not graded"}


def html_report(result: EvaluationResult) -> str:
    """Return the page."""
    title = f"{result.suite}: {'passed' if result.gate.passed else 'did not pass'}"
    parts = (
        f"<h1>{_text(title)}</h1>",
        f"<p>{_text(result.description)}</p>" if result.description else "",
        _facts(result),
        _verdict(result),
        _targets(result),
        _comparisons("Differences between targets", result.comparisons),
        _comparisons("Differences to the baseline", result.gate.comparisons),
        _swaps(result),
        _graders(result),
        "<h2>Cases</h2>",
        *(_case(case, result.repeats) for case in _worst_first(result.cases)),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _facts(result: EvaluationResult) -> str:
    when = result.created_at.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f'<p class="dim">{_text(result.evaluation_id)}, {when}; seed {result.seed}, '
        f"{result.repeats} of each case; {result.asked} calls, {result.cached} answers from the "
        f"cache; ${result.receipt.dollars:f} at AWS's list prices</p>"
    )


def _verdict(result: EvaluationResult) -> str:
    gate = result.gate
    against = f" against {_text(gate.baseline)}" if gate.baseline else ""
    word = "The gate passed" if gate.passed else "The gate did not pass"
    reasons = "".join(f'<p class="plain">{_text(reason)}</p>' for reason in gate.reasons)
    kind = "good" if gate.passed else "bad"
    return (
        f'<section class="verdict {kind}" aria-label="Verdict">'
        f"<p><strong>{word}{against}.</strong></p>{reasons}</section>"
    )


def _targets(result: EvaluationResult) -> str:
    rows = [
        (
            _text(each.target),
            _text(each.identity),
            _interval(each.score),
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
    return f"<h2>Targets</h2>{_table(head, rows, 'Scores are means over cases, from 0 to 1.', 2)}"


def _comparisons(title: str, comparisons: Iterable[TargetComparison]) -> str:
    rows = [
        (
            _text(each.target),
            _text(each.against),
            _interval(each.difference, signed=True),
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
    return f"<h2>{title}</h2>{_table(head, rows, words, 2, last_is_text=True)}"


def _swaps(result: EvaluationResult) -> str:
    rows = [
        (
            _text(each.target),
            _text(each.swap),
            _text(f"{each.groups[0]} less {each.groups[1]}"),
            _interval(each.difference, signed=True),
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
    return f"<h2>Swaps</h2>{_table(head, rows, words, 3, last_is_text=True)}"


def _changes(changes: Iterable[CaseChange]) -> str:
    return ", ".join(
        _text(f"{each.case} {each.before:.2f} to {each.after:.2f}") for each in changes
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
                    _text(target.target),
                    _text(each.grader),
                    _interval(each.score),
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
    return f"<h2>Graders</h2>{_table(head[:columns], shown, words, 2)}"


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
        f'<details><summary><strong class="{kind}">{word}</strong> {_text(name)} '
        f'<span class="dim">{_text(told)}</span></summary>'
        f'<div class="body">{bodies}</div></details>'
    )


def _outcome(outcome: TargetOutcome) -> str:
    answered = f" by {outcome.answered_by or outcome.model}" if outcome.model else ""
    cached = ", from the cache" if outcome.cached else ""
    facts = f"{outcome.seconds:.2f} s, ${outcome.dollars:f}{answered}{cached}"
    rows = [
        (
            _text(each.grader),
            _mark("good" if each.passed else "bad", "pass" if each.passed else "fail"),
            f"{each.score:.3f}",
            _text(each.reason),
        )
        for each in outcome.grades
    ]
    error = (
        f'<p class="bad">{_text(outcome.error.type)}: {_text(outcome.error.message)}</p>'
        if outcome.error
        else ""
    )
    answer = f'<pre tabindex="0">{_text(outcome.answer)}</pre>' if outcome.answer else ""
    grades = _table(("grader", "verdict", "score", "reason"), rows, "", 2, last_is_text=True)
    return (
        f"<h3>{_text(outcome.target)}: {_text(_state(outcome))}</h3>"
        f'<p class="dim">{_text(facts)}</p>{error}{answer}{grades if rows else ""}'
    )


def _state(outcome: TargetOutcome) -> str:
    return _IDLE.get(outcome.status) or f"{outcome.score:.2f}"


def _interval(score: ScoreInterval, *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if score.low is None or score.high is None:
        return f"{score.mean:{sign}.3f}"
    return f"{score.mean:{sign}.3f} ({score.low:{sign}.3f} to {score.high:{sign}.3f})"


def _table(
    head: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    caption: str,
    texts: int,
    *,
    last_is_text: bool = False,
) -> str:
    """Return a table whose first `texts` columns are text, and the others numbers."""
    last = len(head) - 1

    def kind(column: int) -> str:
        return "" if column < texts or (last_is_text and column == last) else ' class="n"'

    heads = "".join(f'<th scope="col"{kind(n)}>{name}</th>' for n, name in enumerate(head))
    body = "".join(
        f"<tr>{''.join(f'<td{kind(n)}>{cell}</td>' for n, cell in enumerate(row))}</tr>"
        for row in rows
    )
    told = f'<p class="dim">{caption}</p>' if caption else ""
    label = escape(caption or "Grades")
    return (
        f'{told}<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _mark(kind: str, word: str) -> str:
    return f'<span class="{kind}">{word}</span>'


def _text(text: str) -> str:
    return escape(whole_text(text))
