"""Verdicts on the stored prompts that a suite ran: held against the labelled version, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.evaluations.suites import PromptTarget
from chalicelib.contracts.evaluations.verdicts import SuiteVerdict
from chalicelib.evaluation.comparisons import EarlierScores, case_scores
from chalicelib.evaluation.gate import judge_run
from chalicelib.evaluation.suites import suite_digest
from chalicelib.evaluation.summary import swap_names

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.jobs import EvaluationInput
    from chalicelib.contracts.evaluations.results import EvaluationResult


class VerdictRecords(Protocol):
    """Verdicts of suites on versions of prompts, by which labels are moved."""

    def labelled(self, tenant: str, prompt: str, sha256: str) -> SuiteVerdict | None:
        """Return the verdict on the version that a label of a prompt's suite points to, if any."""

    def record(self, tenant: str, prompt: str, version: int, verdict: SuiteVerdict) -> None:
        """Keep a verdict on a version, in place of an earlier one."""


def labelled_scores(
    records: VerdictRecords, tenant: str, given: EvaluationInput
) -> dict[str, EarlierScores]:
    """Return, by target, the scores of the version that its prompt's label points to."""
    digest = suite_digest(given.suite)
    found: dict[str, EarlierScores] = {}
    for pinned in given.pinned:
        if not pinned.version:
            continue
        verdict = records.labelled(tenant, pinned.prompt, digest)
        if verdict is not None and verdict.version != pinned.version:
            title = f"{pinned.prompt}, version {verdict.version}"
            found[pinned.target] = EarlierScores(verdict.evaluation_id, title, verdict.scores)
    return found


def record_verdicts(
    records: VerdictRecords,
    tenant: str,
    given: EvaluationInput,
    result: EvaluationResult,
    earlier: Mapping[str, EarlierScores],
    now: datetime,
) -> None:
    """Keep the verdict on each stored version that was run as it is, whatever else the suite ran.

    A version is judged alone, against the labelled one, whatever baseline somebody named. Where
    the suite had another model answer in place of the prompt's own there is no verdict.
    """
    gate = given.suite.gate.model_copy(update={"targets": ()})
    replaced = {
        each.name for each in given.suite.targets if isinstance(each, PromptTarget) and each.model
    }
    for pinned in given.pinned:
        if not pinned.version or pinned.target in replaced:
            continue
        told = judge_run(
            gate,
            given.suite.seed,
            result.cases,
            [pinned.target],
            earlier,
            swap_names(given.suite),
        )
        verdict = SuiteVerdict(
            evaluation_id=result.evaluation_id,
            suite=result.suite,
            sha256=result.suite_sha256,
            version=pinned.version,
            passed=told.passed,
            reasons=told.reasons,
            worse=tuple(each.case for each in told.worse),
            at=now,
            scores=case_scores(pinned.target, result.cases),
        )
        records.record(tenant, pinned.prompt, pinned.version, verdict)
