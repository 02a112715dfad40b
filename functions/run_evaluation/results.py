"""The result files of an evaluation: results, JUnit, the page, and the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.batches.storage import SUMMARY
from chalicelib.contracts.evaluations.jobs import EvaluationSummary
from chalicelib.evaluation.reports.html import html_report
from chalicelib.evaluation.reports.junit import junit_xml
from chalicelib.evaluation.storage import JUNIT, REPORT, RESULTS
from chalicelib.jobs.lifecycle import JobState, ResultFile

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.evaluations.results import EvaluationResult
    from chalicelib.contracts.jobs import JobCounts


def write_results(
    objects: ItemObjects, state: JobState, result: EvaluationResult, counts: JobCounts
) -> tuple[ResultFile, ...]:
    """Write all files, and return them; may be repeated."""
    summary = EvaluationSummary(
        evaluation_id=result.evaluation_id,
        tenant=state.input.tenant,
        suite=result.suite,
        counts=counts,
        verdict=result.gate,
        receipt=result.receipt,
        dollars=result.receipt.dollars,
    )
    bodies = {
        RESULTS: result.model_dump_json(indent=1).encode(),
        JUNIT: junit_xml(result).encode(),
        REPORT: html_report(result).encode(),
        SUMMARY: summary.model_dump_json().encode(),
    }
    for name, body in bodies.items():
        objects.write(state.input.bucket, state.prefix + name, body, {})
    return tuple(ResultFile(name, len(body)) for name, body in bodies.items())
