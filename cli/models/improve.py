"""The command `improve`: a served model learns what reviewers prefer, and a person approves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from cli.failures import CommandError, UsageError
from cli.labelling.quality_options import quality_options
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.approval import OVERRIDE
from infra.models.improvement import (
    ImprovementError,
    ImprovementTerms,
    StageImprovement,
    translate_improvement_errors,
)
from infra.models.registry import arn_of
from infra.models.training import UNAPPROVED_BASES, TrainingStage
from models.failures import BadRecipe
from models.training import job
from models.training.recipe import PresetName
from models.training.targets import TargetName, targets

_SHOWN = 10


@click.group()
def improve() -> None:
    """Improve a served model by what a tenant's reviewers prefer, run by run.

    The stage needs the parameter Training=on.
    """


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """Add the model, its tenant, and the options of a stage and of output."""
    of_stage = stage_options(json_option(command))
    tenant = click.option("--tenant", required=True, help="Tenant whose reviewers are heard.")
    return click.argument("model")(tenant(of_stage))


@improve.command("plan")
@click.option("--task", "tasks", multiple=True, help="A labelling task of pairs; may be repeated.")
@click.option("--ratings", is_flag=True, help="Learn from the tenant's ratings, too.")
@click.option(
    "--method",
    type=click.Choice(["ppo", "rloo", "grpo", "dpo"]),
    default="ppo",
    show_default=True,
    help="How the candidate learns; dpo learns from the pairs alone.",
)
@click.option(
    "--preset", type=click.Choice(["smoke", "tiny", "full"]), default="tiny", show_default=True
)
@click.option("--target", type=click.Choice(list(targets())), default="cpu", show_default=True)
@click.option(
    "--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting of the candidate."
)
@click.option(
    "--set-reward",
    "reward",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the reward model.",
)
@click.option("--policy", default="", help="Version to begin from. Default: the newest approved.")
@quality_options
@click.option(
    "--new-pairs",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Pairs more than the last run had, at which the stage begins a run by itself.",
)
@click.option(
    UNAPPROVED_BASES, "unapproved", is_flag=True, help="Begin also from a version not approved."
)
@_common
def plan(  # noqa: PLR0913 - the options of a command
    place: StageOptions,
    model: str,
    tenant: str,
    tasks: tuple[str, ...],
    ratings: bool,
    method: str,
    preset: PresetName,
    target: TargetName,
    given: tuple[str, ...],
    reward: tuple[str, ...],
    policy: str,
    new_pairs: int,
    unapproved: bool,
    as_json: bool,
    **limits: Any,
) -> None:
    """Say what runs of MODEL learn from and how they train, in place of what was said before."""
    try:
        settings = {"method": method, **job.parse_settings(given)}
        reward_settings = job.parse_settings(reward)
    except BadRecipe as error:
        raise UsageError(str(error)) from error
    with _reported(place) as stage:
        home = TrainingStage.of(place.find().outputs)
        made = stage.plan(
            ImprovementTerms(
                tenant=tenant,
                model=model,
                tasks=tasks,
                ratings=ratings,
                limits=limits,
                new_pairs=new_pairs,
                preset=preset,
                target=target,
                settings=settings,
                reward_settings=reward_settings,
                policy=arn_of(home.region, home.account, policy) if policy else "",
                unapproved=f"{UNAPPROVED_BASES} was given" if unapproved else "",
            )
        )
    output = Output(as_json=as_json)
    if as_json:
        output.json(made.model_dump(mode="json", exclude={"reward", "candidate"}))
        return
    output.line(f"The plan is set. Begin a run: headrace improve start {model} --tenant {tenant}")


@improve.command("start")
@_common
def start(place: StageOptions, model: str, tenant: str, as_json: bool) -> None:
    """Begin a run by the plan of MODEL."""
    with _reported(place) as stage:
        run_id = stage.start(tenant, model)
    output = Output(as_json=as_json)
    if as_json:
        output.json({"run_id": run_id})
        return
    output.line(f"The run {run_id} has begun: headrace improve status {model} --tenant {tenant}")


@improve.command("status")
@_common
def status(place: StageOptions, model: str, tenant: str, as_json: bool) -> None:
    """Show the runs of MODEL, newest first, and what to do next."""
    with _reported(place) as stage:
        runs = stage.runs(tenant, model)
    output = Output(as_json=as_json)
    if as_json:
        output.json([run.model_dump(mode="json", exclude={"task_token"}) for run in runs])
        return
    output.table(
        ("run", "began by", "pairs", "status", "candidate", "win rate"),
        [
            (
                run.run_id,
                run.trigger,
                run.pairs,
                run.status,
                run.candidate.arn.partition(":model-package/")[2] if run.candidate else "",
                _win_rate(run.candidate.metrics) if run.candidate else "",
            )
            for run in runs[:_SHOWN]
        ],
    )
    for run in runs[:1]:
        for reason in run.reasons:
            output.line(reason)
        if run.next_command:
            output.line(f"Next: {run.next_command}")


@improve.command("approve")
@click.option("--comment", default="", help="The reason, which the registry keeps.")
@click.option(
    OVERRIDE,
    "unapproved",
    is_flag=True,
    help="Serve the candidate though it is of the preset smoke, or below its gates.",
)
@_common
def approve(
    place: StageOptions, model: str, tenant: str, comment: str, unapproved: bool, as_json: bool
) -> None:
    """Approve the candidate that waits, and serve it as MODEL@candidate, to nobody yet.

    The reward model that it begins from is approved with it.
    """
    with _reported(place) as stage:
        serving = stage.approve(tenant, model, comment, unapproved=unapproved)
    output = Output(as_json=as_json)
    if as_json:
        output.json(serving.model_dump(mode="json"))
        return
    assert serving.candidate is not None
    output.line(f"{serving.candidate.label} answers calls of {model}@candidate.")
    output.line(f"Roll it out: headrace rollouts start model:{model} {model}@candidate")


@improve.command("reject")
@click.option("--comment", default="", help="The reason, which the registry keeps.")
@_common
def reject(place: StageOptions, model: str, tenant: str, comment: str, as_json: bool) -> None:
    """Reject the candidate that waits; the run ends."""
    with _reported(place) as stage:
        arn = stage.reject(tenant, model, comment)
    _say(as_json, "rejected", arn)


@improve.command("stop")
@_common
def stop(place: StageOptions, model: str, tenant: str, as_json: bool) -> None:
    """End the open run of MODEL, whatever it is at."""
    with _reported(place) as stage:
        run_id = stage.stop(tenant, model)
    _say(as_json, "stopped", run_id)


def _say(as_json: bool, what: str, which: str) -> None:
    output = Output(as_json=as_json)
    if as_json:
        output.json({what: which})
        return
    output.line(f"{which} is {what}.")


def _win_rate(numbers: Any) -> str:
    low, high = numbers.get("win_rate_low"), numbers.get("win_rate_high")
    if low is None or high is None:
        return ""
    return f"{numbers['win_rate']:.1%} ({low:.1%} to {high:.1%})"


@contextmanager
def _reported(place: StageOptions) -> Iterator[StageImprovement]:
    """Provide the stage; turn what goes wrong into a failure of the command."""
    try:
        with translate_improvement_errors():
            yield StageImprovement(place.find())
    except (ImprovementError, ValueError) as error:
        raise CommandError(str(error)) from error
