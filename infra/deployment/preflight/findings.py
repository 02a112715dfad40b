"""Findings of preflight checks, and the runner that makes all checks before showing any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.console import Console
from infra.deployment.failures import (
    DeploymentError,
    describe_error,
    is_about_credentials,
    is_denied,
    is_transient,
)

Mend = Callable[[Console, Callable[[float], None]], object]
"""Fixes a problem; its arguments say what goes on, and wait a number of seconds."""
Severity = Literal["error", "warning"]
Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class PreflightFinding:
    """A problem, why it matters, and the command or place that fixes it.

    `mend` fixes it, where the operator agrees to `offer`.
    """

    severity: Severity
    what: str
    why: str
    fix: str
    offer: str = ""
    mend: Mend | None = None


def error(
    what: str, why: str, fix: str, *, offer: str = "", mend: Mend | None = None
) -> PreflightFinding:
    """Return a finding that stops the deployment."""
    return PreflightFinding("error", what, why, fix, offer, mend)


def warning(what: str, why: str, fix: str) -> PreflightFinding:
    """Return a finding that does not stop the deployment."""
    return PreflightFinding("warning", what, why, fix)


@dataclass(frozen=True, slots=True)
class PreflightCheck(Generic[Subject]):
    """One check of a subject; `title` names what it checks."""

    title: str
    look: Callable[[Subject], Iterable[PreflightFinding]]
    needs_parameters: bool = False
    """Whether it cannot be made where a parameter is wrong."""


def run_checks(
    checks: Sequence[PreflightCheck[Subject]], subject: Subject
) -> list[PreflightFinding]:
    """Return the findings of all checks; a check that fails itself becomes a finding."""
    return [finding for check in checks for finding in _run_check(check, subject)]


def _run_check(check: PreflightCheck[Subject], subject: Subject) -> Iterator[PreflightFinding]:
    try:
        yield from check.look(subject)
    except (BotoCoreError, ClientError) as failed:
        yield failed_check(check.title, failed)


def call_failure(what: str, failed: Exception) -> PreflightFinding:
    """Return the finding for a failed call without which no check can continue."""
    return error(what, describe_error(failed), _fix_for(failed))


def _fix_for(failed: Exception) -> str:
    if is_about_credentials(failed):
        return "Sign in, then run the command again."
    if is_denied(failed):
        return "Attach infra/deployer-policy.json, or deploy as someone who may."
    if is_transient(failed):
        return "Run the command again; if it stays so, look at the network, and at --region."
    return "Look at --region and --profile, and run the command again."


def failed_check(title: str, failed: Exception) -> PreflightFinding:
    """Return the finding for a check that failed itself."""
    if is_about_credentials(failed):
        return error(title, describe_error(failed), "Sign in, then run the command again.")
    if is_denied(failed):
        return warning(
            f"{title}: not checked",
            describe_error(failed),
            "Allow the call, or look yourself; the deployment goes on without.",
        )
    return warning(f"{title}: not checked", describe_error(failed), "Look yourself, or try again.")


def offer_fixes(
    findings: Sequence[PreflightFinding], voice: Console, sleep: Callable[[float], None]
) -> list[PreflightFinding]:
    """Offer to fix what can be fixed here; return the findings that are left.

    Raises:
        DeploymentError: a fix that was agreed to failed.
    """
    left = []
    for finding in findings:
        if finding.mend is None or not voice.confirm(f"{finding.what}. {finding.offer}"):
            left.append(finding)
        else:
            finding.mend(voice, sleep)
    return left


def show_findings(findings: Sequence[PreflightFinding], voice: Console) -> None:
    """Print the findings, errors first; raise `DeploymentError` if there are errors."""
    errors = [finding for finding in findings if finding.severity == "error"]
    warnings = [finding for finding in findings if finding.severity == "warning"]
    for finding in (*errors, *warnings):
        style = "red" if finding.severity == "error" else "yellow"
        voice.line(f"{finding.severity}: {finding.what}", style)
        voice.line(f"  {finding.why}")
        voice.line(f"  Fix: {finding.fix}", "dim")
    if errors:
        verb = "has" if len(errors) == 1 else "have"
        raise DeploymentError(
            f"{len(errors)} of these {verb} to be mended first; nothing was changed."
        )
    if not findings:
        voice.line("Nothing found that stands in the way.")
