"""A sample of captured answers as a suite of evaluations, and the quality that it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.drift import AnswerQuality, DriftReport, FeatureReport
from chalicelib.contracts.evaluations.graders import MAX_REFERENCE_CHARACTERS
from chalicelib.contracts.evaluations.suites import RecordedTarget, Suite, SuiteCase

if TYPE_CHECKING:
    from chalicelib.contracts.captures import CapturedCall
    from chalicelib.contracts.schedules import WatchJudging

QUALITY = "quality"
TARGET = "captured"
MIN_GRADED = 5
"""The fewest graded answers that say anything."""


def answers_suite(
    judging: WatchJudging, calls: Sequence[CapturedCall], asked: Sequence[str]
) -> Suite | None:
    """Return the suite that grades a sample of calls, None if too few have both texts.

    Args:
        judging: The graders, the size of the sample, and the budget.
        calls: The calls of the window, oldest first.
        asked: What each was asked.
    """
    whole = [
        (call, text)
        for call, text in zip(calls, asked, strict=True)
        if text and call.output and len(call.output) <= MAX_REFERENCE_CHARACTERS
    ]
    count = min(judging.calls, len(whole))
    if count < MIN_GRADED:
        return None
    step = len(whole) / count
    sample = [whole[int(n * step)] for n in range(count)]
    return Suite(
        name="captured-answers",
        targets=(RecordedTarget(kind="recorded", name=TARGET),),
        cases=tuple(
            SuiteCase(id=call.id, variables={"input": text}, labelled=call.output)
            for call, text in sample
        ),
        graders=judging.graders,
        budget=judging.budget,
    )


def with_known_quality(report: DriftReport, before: DriftReport | None) -> DriftReport:
    """Return a report that has the quality of its version when it was new, if one is known.

    A look that graded nothing would forget it otherwise, and the next one would take what it finds
    for the quality of a new version.
    """
    if report.quality is not None or before is None or before.version != report.version:
        return report
    if before.quality is None:
        return report
    known = AnswerQuality(
        calls=0,
        passed=0,
        baseline_calls=before.quality.baseline_calls,
        baseline_passed=before.quality.baseline_passed,
    )
    return report.model_copy(update={"quality": known})


def with_quality(
    report: DriftReport,
    before: DriftReport | None,
    graded: int,
    passed: int,
    min_psi: float,
) -> DriftReport:
    """Return a report with the quality of the answers, which may have dropped.

    Args:
        report: The report of this look.
        before: That of the look before, which has the quality of the version when it was new.
        graded: The answers that were graded.
        passed: Those that passed.
        min_psi: The least population stability index that counts.
    """
    from chalicelib.monitoring.two_samples import category_psi, fisher_p_value

    known = before is not None and before.version == report.version
    first = before.quality if before is not None and known else None
    if first is None:
        quality = AnswerQuality(
            calls=graded, passed=passed, baseline_calls=graded, baseline_passed=passed
        )
        return report.model_copy(update={"quality": quality})
    base_calls, base_passed = first.baseline_calls, first.baseline_passed
    p_value = fisher_p_value(passed, graded, base_passed, base_calls)
    psi = category_psi(
        {"yes": base_passed, "no": base_calls - base_passed},
        {"yes": passed, "no": graded - passed},
    )
    worse = passed * base_calls < base_passed * graded
    # One more test in this look: its level is shared with the features that were tested.
    level = report.level * len(report.features) / (len(report.features) + 1)
    drifted = worse and p_value <= level and psi >= min_psi
    update: dict[str, object] = {
        "quality": AnswerQuality(
            calls=graded,
            passed=passed,
            baseline_calls=base_calls,
            baseline_passed=base_passed,
            p_value=p_value,
            drifted=drifted,
        )
    }
    if drifted:
        was = before is not None and QUALITY in before.drifted
        feature = FeatureReport(
            name=QUALITY,
            kind="category",
            category="passed",
            baseline=round(base_passed / base_calls, 6),
            window=round(passed / graded, 6),
            psi=round(psi, 4),
            p_value=p_value,
            drifted=True,
        )
        update |= {
            "status": "drifted",
            "features": (feature, *report.features),
            "drifted": (QUALITY, *report.drifted),
            "news": report.news if was else (QUALITY, *report.news),
        }
    return report.model_copy(update=update)
