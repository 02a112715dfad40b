"""The page that says whether tuning was worth it: verdict, table, differences and all cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.evaluation.reports.elements import (
    html_page,
    html_table,
    html_text,
    interval_text,
)
from chalicelib.evaluation.reports.html import case_details
from cli.evaluation.tuning.words import (
    TITLES,
    calls_text,
    dollars_text,
    seconds_text,
    training_text,
)

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import EvaluationResult, ScoreInterval
    from cli.evaluation.tuning.table import TunedComparison

_KINDS = {"worth it": "good", "not proven": "idle", "not worth it": "bad"}
_ABOUT_PLOT = (
    '<p class="dim">The tuned model less each other one, paired by row, with 95 % intervals. '
    "Right of the line the tuned model is better.</p>"
)
_LEFT, _WIDTH, _ROW = 250, 860, 34


def comparison_page(found: TunedComparison, result: EvaluationResult) -> str:
    """Return the page of a comparison and of the results that it was made from."""
    title = f"Tuning {found.tuned}: {found.verdict.word}"
    parts = (
        f"<h1>{html_text(title)}</h1>",
        _facts(found, result),
        _verdicts(found),
        _models(found),
        f"<h2>Differences in {_title(found.metric)}</h2>",
        _ABOUT_PLOT,
        _plot(found),
        _differences(found),
        case_details(result),
    )
    return html_page(title, parts)


def _facts(found: TunedComparison, result: EvaluationResult) -> str:
    when = result.created_at.strftime("%Y-%m-%d %H:%M UTC")
    told = (
        f"{found.version}; data {found.data_version[:12]}; {found.rows} held-out rows; evaluation "
        f"{found.evaluation_id}, {when}; {result.asked} calls for ${found.dollars:f}. "
        f"{training_text(found.training)}"
    )
    return f'<p class="dim">{html_text(told)}</p>'


def _verdicts(found: TunedComparison) -> str:
    each = "".join(
        f'<p class="plain">{html_text(model.verdict.sentence)}</p>'
        for model in found.models
        if model.verdict is not None
    )
    return (
        f'<section class="verdict {_KINDS[found.verdict.word]}" aria-label="Verdict">'
        f"<p><strong>{html_text(found.verdict.word.capitalize())}.</strong></p>{each}</section>"
    )


def _models(found: TunedComparison) -> str:
    metrics = list(found.models[0].metrics)
    head = (
        "model",
        *(_title(each) for each in metrics),
        *("failed", "p50", "tokens", "$ per 1,000", "pays after"),
    )
    rows = [
        (
            _name(model.name),
            *(_cell(model.metrics.get(each)) for each in metrics),
            f"{model.failed} of {model.rows}",
            seconds_text(model.seconds_p50),
            f"{model.tokens_in or 0:.0f}, {model.tokens_out or 0:.0f}",
            dollars_text(model.dollars_per_1000),
            html_text(calls_text(model, found.training)),
        )
        for model in found.models
    ]
    caption = (
        "95 % intervals over rows. A call that failed scores 0. Seconds and tokens, in and out, "
        "are of a call that was answered; dollars at list prices, of functions by their memory and "
        "seconds. The training has paid for itself after so many calls."
    )
    return f"<h2>Models</h2>{html_table(head, rows, caption, 1)}"


def _differences(found: TunedComparison) -> str:
    metrics = list(found.models[0].metrics)
    rows = [
        (
            _name(model.name),
            *(_cell(model.differences.get(each), signed=True) for each in metrics),
        )
        for model in found.models[1:]
    ]
    head = ("against", *(_title(each) for each in metrics))
    return html_table(head, rows, "The same of every metric.", 1) if rows else ""


def _plot(found: TunedComparison) -> str:
    """Return the differences of the metric that decides as intervals beside a line at 0."""
    models = [
        (model.name, model.differences[found.metric], model.verdict)
        for model in found.models[1:]
        if found.metric in model.differences
    ]
    if not models:
        return ""
    bounds = [
        each for _, one, _ in models for each in (one.low, one.high, one.mean) if each is not None
    ]
    low, high = min([*bounds, -0.1]), max([*bounds, 0.1])

    def at(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - 20)

    height = _ROW * len(models) + 30
    zero = f'x1="{at(0):.1f}" y1="4" x2="{at(0):.1f}" y2="{height - 24}"'
    lines = [f'<line {zero} stroke="var(--dim)" stroke-dasharray="4 3"/>']
    for number, (name, one, verdict) in enumerate(models):
        y = _ROW * number + 20
        colour = f"var(--{_KINDS[verdict.word] if verdict else 'idle'})"
        start, end = (one.mean if bound is None else bound for bound in (one.low, one.high))
        lines.append(
            f'<text x="0" y="{y + 5}" fill="var(--text)">{html_text(name[:34])}</text>'
            f'<line x1="{at(start):.1f}" y1="{y}" x2="{at(end):.1f}" y2="{y}" stroke="{colour}" '
            f'stroke-width="3"/><circle cx="{at(one.mean):.1f}" cy="{y}" r="6" fill="{colour}"/>'
        )
    lines += [
        f'<text x="{at(value):.1f}" y="{height - 6}" fill="var(--dim)" text-anchor="{anchor}">'
        f"{value:+.2f}</text>"
        for value, anchor in ((low, "start"), (high, "end"))
    ]
    label = html_text(f"Differences in {TITLES.get(found.metric, found.metric)}; numbers below.")
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {height}" '
        f'style="width:100%;max-width:{_WIDTH}px" font-size="15">{"".join(lines)}</svg>'
    )


def _cell(score: ScoreInterval | None, *, signed: bool = False) -> str:
    """Return a mean with its bounds below it, so that many metrics fit beside each other."""
    if score is None:
        return ""
    mean, _, bounds = interval_text(score, signed=signed).partition(" ")
    return (
        f'{mean}<br><span class="dim" style="font-size:.85rem">{bounds}</span>' if bounds else mean
    )


def _name(name: str) -> str:
    return f'<span style="white-space:nowrap">{html_text(name)}</span>'


def _title(metric: str) -> str:
    return html_text(TITLES.get(metric, metric))
