"""One deployment, from the package to the outputs of the stage."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying.account import Account
from infra.deploying.artifacts import KEPT_DEPLOYMENTS, Artifact, Artifacts
from infra.deploying.changes import ChangeSet, Wanted, discard, propose, refuse_data_loss
from infra.deploying.executing import execute
from infra.deploying.failures import Stopped, in_words
from infra.deploying.idle import idle_lines
from infra.deploying.plan import Plan
from infra.deploying.stack import find_stack
from infra.deploying.voice import Advance, Voice


@dataclass(frozen=True, slots=True)
class Choices:
    """What whoever deploys has decided beforehand."""

    dry_run: bool = False
    yes: bool = False
    allow_data_loss: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stage that stands: its account and outputs, and whether anything was changed."""

    account: Account
    stage: str
    outputs: Mapping[str, str]
    changed: bool


def deploy(
    plan: Plan,
    choices: Choices,
    voice: Voice,
    sleep: Callable[[float], None] = time.sleep,
) -> Deployed | None:
    """Bring the stage to what the package says; None where that was only shown, or not wanted.

    Raises:
        Stopped: it could not be done; the message says why, and in what state the stage is.
    """
    artifacts = Artifacts(plan.account)
    artifacts.home.ensure(voice, sleep)
    if choices.dry_run:
        with _lent(artifacts, plan.package.template_artifact()):
            _propose(plan, artifacts, choices, voice, sleep, keep=False)
        voice.line(
            "This was a dry run: the stage is as it was. What stays of it is the bucket "
            f"{artifacts.home.name} for the next deployment, which costs nothing while it is empty."
        )
        return None
    _upload(plan, artifacts, voice)
    change_set = _propose(plan, artifacts, choices, voice, sleep, keep=True)
    cloudformation = plan.account.client("cloudformation")
    if not change_set.is_empty:
        if not _agreed(plan, cloudformation, change_set, choices, voice):
            return None
        execute(plan, cloudformation, change_set, voice, sleep)
    stack = find_stack(cloudformation, plan.stack_name)
    if stack is None:
        raise Stopped(f"{plan.stack_name} was removed meanwhile.")
    return Deployed(plan.account, plan.stage, stack.outputs, not change_set.is_empty)


def tidy(deployed: Deployed, voice: Voice) -> None:
    """Remove the bundles that no deployment needs any more; the stage stands without that."""
    artifacts = Artifacts(deployed.account)
    try:
        artifacts.tidy(deployed.stage, KEPT_DEPLOYMENTS)
    except (BotoCoreError, ClientError, Stopped) as failed:
        voice.line(
            f"warning: Bundles of earlier deployments stay in {artifacts.home.name}: "
            f"{in_words(failed)}",
            "yellow",
        )
        voice.line("  The stage is not touched by it; the next deployment removes them.")


@contextmanager
def _lent(artifacts: Artifacts, template: Artifact) -> Iterator[None]:
    """Lend the block what CloudFormation has to read, and take it away again.

    The bucket stays: a name that was just given up cannot be taken again for a while, and the
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


def _upload(plan: Plan, artifacts: Artifacts, voice: Voice) -> None:
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
            artifacts.upload(each, functools.partial(_tell, advance, each.file.name))


def _tell(advance: Advance, name: str, count: int) -> None:
    advance(count, name)


def _propose(
    plan: Plan,
    artifacts: Artifacts,
    choices: Choices,
    voice: Voice,
    sleep: Callable[[float], None],
    *,
    keep: bool,
) -> ChangeSet:
    """Make the change set and show it; remove it again unless it is to be kept and may be run."""
    cloudformation = plan.account.client("cloudformation")
    wanted = Wanted(
        plan.stack_name,
        artifacts.address(plan.package.template_artifact().key),
        plan.parameters,
        plan.kept,
        plan.tags,
    )
    change_set = propose(cloudformation, wanted, plan.stack, sleep)
    kept = False
    try:
        _show(plan, change_set, voice)
        refuse_data_loss(change_set.changes, choices.allow_data_loss)
        kept = keep and not change_set.is_empty
    finally:
        if not kept:
            discard(cloudformation, change_set)
    return change_set


def _agreed(
    plan: Plan, cloudformation: Any, change_set: ChangeSet, choices: Choices, voice: Voice
) -> bool:
    """Say whether the changes shall be made; those that shall not are forgotten."""
    agreed = choices.yes
    try:
        agreed = agreed or voice.confirm(f"Deploy to {plan.stack_name}?")
    finally:
        if not agreed:
            discard(cloudformation, change_set)
    return agreed


def _show(plan: Plan, change_set: ChangeSet, voice: Voice) -> None:
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
