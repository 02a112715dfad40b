"""One deployment, from the package to the outputs of the stage."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.account import Account
from infra.deployment.artifacts import KEPT_DEPLOYMENTS, Artifact, Artifacts
from infra.deployment.change_sets import (
    ChangeSet,
    ChangeSetRequest,
    create_change_set,
    delete_change_set,
    refuse_data_loss,
)
from infra.deployment.console import Advance, Console
from infra.deployment.execution import execute_change_set
from infra.deployment.failures import DeploymentError, describe_error
from infra.deployment.idle_costs import idle_lines
from infra.deployment.plan import DeploymentPlan
from infra.deployment.stack import find_stack


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """Decisions that the caller makes before a deployment."""

    dry_run: bool = False
    yes: bool = False
    allow_data_loss: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class DeploymentResult:
    """A deployed stage: its account and outputs, and whether anything was changed."""

    account: Account
    stage: str
    outputs: Mapping[str, str]
    changed: bool


def deploy(
    plan: DeploymentPlan,
    choices: DeployOptions,
    voice: Console,
    sleep: Callable[[float], None] = time.sleep,
) -> DeploymentResult | None:
    """Deploy the package; return None if the changes were only shown or were declined.

    Raises:
        DeploymentError: it failed; the message says why, and in what state the stage is.
    """
    artifacts = Artifacts(plan.account)
    artifacts.home.ensure(voice, sleep)
    if choices.dry_run:
        with _uploaded_briefly(artifacts, plan.package.template_artifact()):
            _create_change_set(plan, artifacts, choices, voice, sleep, keep=False)
        voice.line(
            "This was a dry run: the stage is as it was. What stays of it is the bucket "
            f"{artifacts.home.name} for the next deployment, which costs nothing while it is empty."
        )
        return None
    _upload(plan, artifacts, voice)
    change_set = _create_change_set(plan, artifacts, choices, voice, sleep, keep=True)
    cloudformation = plan.account.client("cloudformation")
    if not change_set.is_empty:
        if not _confirm_changes(plan, cloudformation, change_set, choices, voice):
            return None
        execute_change_set(plan, cloudformation, change_set, voice, sleep)
    stack = find_stack(cloudformation, plan.stack_name)
    if stack is None:
        raise DeploymentError(f"{plan.stack_name} was removed meanwhile.")
    return DeploymentResult(plan.account, plan.stage, stack.outputs, not change_set.is_empty)


def remove_old_bundles(deployed: DeploymentResult, voice: Console) -> None:
    """Delete bundles that no deployment needs any more; a failure here does not matter."""
    artifacts = Artifacts(deployed.account)
    try:
        artifacts.tidy(deployed.stage, KEPT_DEPLOYMENTS)
    except (BotoCoreError, ClientError, DeploymentError) as failed:
        voice.line(
            f"warning: Bundles of earlier deployments stay in {artifacts.home.name}: "
            f"{describe_error(failed)}",
            "yellow",
        )
        voice.line("  The stage is not touched by it; the next deployment removes them.")


@contextmanager
def _uploaded_briefly(artifacts: Artifacts, template: Artifact) -> Iterator[None]:
    """Upload the template for the block, and delete it afterwards.

    The bucket stays: the name of a deleted bucket cannot be taken again for a while, and the
    deployment comes next.
    """
    if artifacts.holds(template):
        yield
        return
    try:
        artifacts.upload(template, lambda count: None)
        yield
    finally:
        artifacts.forget([template.key])


def _upload(plan: DeploymentPlan, artifacts: Artifacts, voice: Console) -> None:
    template = plan.package.template_artifact()
    wanted = [*plan.package.artifacts(), template]
    artifacts.record(plan.stage, [each.key for each in wanted])
    missing = [each for each in wanted if not artifacts.holds(each)]
    size = sum(each.size for each in missing)
    voice.line(f"{len(wanted) - len(missing)} of {len(wanted)} files are there already.")
    if not missing:
        return
    with voice.counting("Upload", size) as advance:
        for each in missing:
            artifacts.upload(each, functools.partial(_report_upload, advance, each.file.name))


def _report_upload(advance: Advance, name: str, count: int) -> None:
    advance(count, name)


def _create_change_set(
    plan: DeploymentPlan,
    artifacts: Artifacts,
    choices: DeployOptions,
    voice: Console,
    sleep: Callable[[float], None],
    *,
    keep: bool,
) -> ChangeSet:
    """Create and show the change set; delete it afterwards unless `keep` and it is runnable."""
    cloudformation = plan.account.client("cloudformation")
    wanted = ChangeSetRequest(
        plan.stack_name,
        artifacts.address(plan.package.template_artifact().key),
        plan.parameters,
        plan.kept,
        plan.tags,
    )
    change_set = create_change_set(cloudformation, wanted, plan.stack, sleep)
    kept = False
    try:
        _show_changes(plan, change_set, voice)
        refuse_data_loss(change_set.changes, choices.allow_data_loss)
        kept = keep and not change_set.is_empty
    finally:
        if not kept:
            delete_change_set(cloudformation, change_set)
    return change_set


def _confirm_changes(
    plan: DeploymentPlan,
    cloudformation: Any,
    change_set: ChangeSet,
    choices: DeployOptions,
    voice: Console,
) -> bool:
    """Return whether the changes shall be made; delete the change set if not."""
    agreed = choices.yes
    try:
        agreed = agreed or voice.confirm(f"Deploy to {plan.stack_name}?")
    finally:
        if not agreed:
            delete_change_set(cloudformation, change_set)
    return agreed


def _show_changes(plan: DeploymentPlan, change_set: ChangeSet, voice: Console) -> None:
    if change_set.is_empty:
        voice.line(f"{plan.stack_name} is what it should be already.")
    else:
        voice.table(
            ("action", "resource", "type", "replaced", "because of"),
            [
                (each.action, each.logical_id, each.type, each.replacement, each.because)
                for each in change_set.changes
            ],
        )
    for line in idle_lines(plan):
        voice.line(line)
