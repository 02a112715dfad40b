"""The report of a look as a page of HTML that needs no other file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator

from chalicelib.contracts.drift import DriftReport, FeatureReport

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;
color:#1e293b}
table{border-collapse:collapse;width:100%}
td,th{padding:.3rem .6rem;border-bottom:1px solid #e2e8f0;text-align:right}
td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}
tr.drifted td{color:#b91c1c;font-weight:600}
img{max-width:100%}
.drifted{color:#b91c1c}
"""
_STATUS = {
    "no_calls": "Nothing is captured.",
    "collecting": "The version has no baseline yet: too few calls, or for too short a time.",
    "too_few": "Too few calls follow the baseline.",
    "steady": "Nothing has drifted.",
    "drifted": "These have drifted: ",
}


def report_page(report: DriftReport, plots: bytes | None) -> bytes:
    """Return a page with the outcome, the plots if there are any, and a table of the features."""
    return "".join(_lines(report, plots)).encode()


def _lines(report: DriftReport, plots: bytes | None) -> Iterator[str]:
    title = html.escape(f"{report.monitor}: {report.subject.path}")
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
    yield f"<style>{_STYLE}</style><h1>{title}</h1>"
    names = html.escape(", ".join(report.drifted))
    yield f"<p class={report.status}>{_STATUS[report.status]}{names}</p>"
    version = html.escape(report.version or "none")
    yield f"<p>Version {version}, looked at {report.time:%Y-%m-%d %H:%M} UTC"
    yield f" by the run {html.escape(report.run_id)}. {report.baseline_calls} calls of the"
    yield f" baseline, {report.window_calls} newest calls. A feature has drifted at p below"
    yield f" {report.level:.1e} and a PSI that is large enough.</p>"
    if plots is not None:
        image = base64.b64encode(plots).decode()
        yield f'<img alt="Each feature against the baseline" src="data:image/png;base64,{image}">'
    if report.features:
        yield "<table><tr><th>feature<th>of<th>baseline<th>newest<th>PSI<th>p</tr>"
        yield from map(_row, report.features)
        yield "</table>"


def _row(feature: FeatureReport) -> str:
    what = f"share of {feature.category}" if feature.kind == "category" else "mean"
    cells = (
        feature.name,
        what,
        f"{feature.baseline:.4g}",
        f"{feature.window:.4g}",
        f"{feature.psi:.3f}",
        f"{feature.p_value:.1e}",
    )
    kind = " class=drifted" if feature.drifted else ""
    return f"<tr{kind}>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) + "</tr>"
