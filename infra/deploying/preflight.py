"""Every look before a deployment, all taken before any of it is told."""

from __future__ import annotations

from collections.abc import Sequence

from infra.deploying import account_checks, package_checks, permission_checks, stack_checks
from infra.deploying.account import stack_name
from infra.deploying.failures import Stopped
from infra.deploying.findings import Finding, examine
from infra.deploying.package_checks import Wish
from infra.deploying.plan import Plan
from infra.deploying.reaching import Unseen, reach
from infra.deploying.voice import Voice
from infra.stages import Client

CHECKS = (
    *stack_checks.CHECKS,
    *account_checks.CHECKS,
    *permission_checks.CHECKS,
)


def look(client: Client, wish: Wish) -> tuple[Plan | None, list[Finding]]:
    """Take every look before a deployment.

    Where the account or its stack cannot be seen, there is no plan, and an error that says why.
    """
    local = examine(package_checks.CHECKS, wish)
    try:
        account, stack = reach(client, wish.stage, wish.profile)
    except Unseen as unseen:
        return None, [*local, unseen.finding]
    plan = Plan(wish.stage, wish.package, account, stack, wish.given)
    checks = [check for check in CHECKS if plan.is_sound or not check.needs_parameters]
    return plan, local + examine(checks, plan)


def looked_over(client: Client, wish: Wish, voice: Voice) -> Plan:
    """Take every look, say what was found, and return the plan.

    Raises:
        Stopped: something has to be mended first.
    """
    plan, findings = look(client, wish)
    show_findings(findings, voice)
    if plan is None:
        raise Stopped(f"{stack_name(wish.stage)} cannot be seen; nothing was changed.")
    return plan


def show_findings(findings: Sequence[Finding], voice: Voice) -> None:
    """Say what was found, errors first; raise `Stopped` if there are any."""
    errors = [finding for finding in findings if finding.severity == "error"]
    warnings = [finding for finding in findings if finding.severity == "warning"]
    for finding in (*errors, *warnings):
        style = "red" if finding.severity == "error" else "yellow"
        voice.line(f"{finding.severity}: {finding.what}", style)
        voice.line(f"  {finding.why}")
        voice.line(f"  Fix: {finding.fix}", "dim")
    if errors:
        verb = "has" if len(errors) == 1 else "have"
        raise Stopped(f"{len(errors)} of these {verb} to be mended first; nothing was changed.")
    if not findings:
        voice.line("Nothing found that stands in the way.")
