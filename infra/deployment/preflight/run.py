"""Run of all preflight checks, before any result is shown."""

from __future__ import annotations

import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.access import StageUnreachableError, find_stage
from infra.deployment.account import stack_name
from infra.deployment.concurrency import unreserved_executions
from infra.deployment.console import Console
from infra.deployment.failures import DeploymentError
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight import (
    account_checks,
    package_checks,
    permission_checks,
    stack_checks,
)
from infra.deployment.preflight.findings import (
    PreflightFinding,
    offer_fixes,
    run_checks,
    show_findings,
)
from infra.deployment.preflight.package_checks import DeploymentRequest
from infra.stages import Client

CHECKS = (
    *stack_checks.CHECKS,
    *account_checks.CHECKS,
    *permission_checks.CHECKS,
)


def run_preflight(
    client: Client, wish: DeploymentRequest
) -> tuple[DeploymentPlan | None, list[PreflightFinding]]:
    """Run every preflight check.

    If the account or its stack cannot be read, there is no plan, and an error says why.
    """
    local = run_checks(package_checks.CHECKS, wish)
    try:
        account, stack = find_stage(client, wish.stage, wish.profile)
    except StageUnreachableError as unseen:
        return None, [*local, unseen.finding]
    executions = _executions(client)
    plan = DeploymentPlan(wish.stage, wish.package, account, stack, wish.given, executions)
    checks = [check for check in CHECKS if plan.is_sound or not check.needs_parameters]
    return plan, local + run_checks(checks, plan)


def _executions(client: Client) -> int | None:
    """Return how many functions the account runs at once; None if a check will say why not."""
    try:
        return unreserved_executions(client("lambda"))
    except (BotoCoreError, ClientError):
        return None


def require_preflight(
    client: Client,
    wish: DeploymentRequest,
    voice: Console,
    *,
    offers: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> DeploymentPlan:
    """Run every preflight check, print the findings, and return the plan.

    With `offers`, what can be fixed here is fixed if the operator agrees.

    Raises:
        DeploymentError: a finding has to be fixed first.
    """
    plan, findings = run_preflight(client, wish)
    if offers:
        findings = offer_fixes(findings, voice, sleep)
    show_findings(findings, voice)
    if plan is None:
        raise DeploymentError(f"{stack_name(wish.stage)} cannot be seen; nothing was changed.")
    return plan
