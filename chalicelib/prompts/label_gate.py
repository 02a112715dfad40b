"""Whether a label may point to a version: the suite that the prompt names has to have passed. Pure.

A prompt without a suite is labelled freely, unless the tenant's setting requires one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.verdicts import SuiteVerdict
    from chalicelib.prompts.records import PromptHead

PRODUCTION = "production"
_OVERRIDE = "With a reason, `override` moves the label all the same, and is recorded."
_NAMED = 5


class PromptVerdicts(Protocol):
    """Verdicts of suites on versions of prompts, and what a tenant's operator requires."""

    def verdict(self, tenant: str, prompt: str, version: int, sha256: str) -> SuiteVerdict | None:
        """Return the verdict of the suite with this hash on a version, or None."""

    def suite_required(self, tenant: str) -> bool:
        """Tell whether prompts of the tenant are labelled `production` only by a suite."""


def label_refusal(
    verdicts: PromptVerdicts, tenant: str, head: PromptHead, label: str, number: int
) -> Conflict | None:
    """Return why a label may not point to version `number`, or None if it may."""
    if head.labels.get(label) == number:
        return None
    suite = head.suite
    if suite is None:
        if label != PRODUCTION or not verdicts.suite_required(tenant):
            return None
        return Conflict(
            f"{head.name} has no suite, and this tenant's prompts are labelled {PRODUCTION} only "
            f"after one has passed. Give it one: headrace prompts suite {head.name} FILE. "
            f"{_OVERRIDE}",
            field="label",
        )
    if label not in suite.labels:
        return None
    verdict = verdicts.verdict(tenant, head.name, number, suite.sha256)
    title = f"Version {number} of {head.name}"
    if verdict is None:
        return Conflict(
            f"{title} has not been run by its suite {suite.name} as the suite is now. Run it: "
            f"headrace evaluate FILE --prompt {head.name}@{number}. {_OVERRIDE}",
            field="label",
        )
    if verdict.passed:
        return None
    worse = f" Worse: {', '.join(verdict.worse[:_NAMED])}." if verdict.worse else ""
    why = verdict.reasons[0] if verdict.reasons else "it did not pass."
    return Conflict(
        f"{title} did not pass its suite {suite.name} (evaluation {verdict.evaluation_id}): {why}"
        f"{'' if 'Worse:' in why else worse} {_OVERRIDE}",
        field="label",
    )
