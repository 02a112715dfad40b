"""The command `train --tune`: try settings of a recipe and name the best."""

from __future__ import annotations

import functools
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_args

import click

from cli.failures import CommandError
from cli.options import StageOptions
from cli.output import Output
from infra.models import jobs
from infra.models.training import UNAPPROVED_BASES
from infra.models.tuning import StageTuning
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import Strategy, TrialResult, TuningEffort, best_trial, tuning_ranges
from models.training.recipe import Recipe

R = TypeVar("R")
_HEAD = ("trial", "status")


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """The options of a tuning."""

    tunes: bool
    then_train: bool
    effort: TuningEffort


@dataclass(frozen=True, slots=True)
class TuningOutcome:
    """The result of a tuning.

    `settings` are those of the best trial with the fixed ones, `command` trains them.
    """

    wish: JobSpec
    outcomes: Sequence[TrialResult]
    best: TrialResult
    settings: Mapping[str, Any]
    command: str


def tune_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options of a tuning to a command of a stage."""

    @click.option(
        "--tune",
        "tunes",
        is_flag=True,
        help="Try settings out of the recipe's ranges, and report the best.",
    )
    @click.option(
        "--jobs",
        type=click.IntRange(1, 750),
        default=10,
        show_default=True,
        help="Number of trials; a grid has one per combination.",
    )
    @click.option(
        "--parallel",
        type=click.IntRange(1, 100),
        default=2,
        show_default=True,
        help="Maximum number of trials in progress at once.",
    )
    @click.option(
        "--strategy",
        type=click.Choice(get_args(Strategy)),
        default="bayesian",
        show_default=True,
        help="Search strategy that chooses the next trial.",
    )
    @click.option(
        "--tuning-seed",
        type=click.IntRange(0, 2**31 - 1),
        default=0,
        show_default=True,
        help="Seed of random choices.",
    )
    @click.option(
        "--then-train", is_flag=True, help="Train the best settings, and register the model."
    )
    @functools.wraps(command)
    def with_tune(place: StageOptions, *args: Any, **given: Any) -> R:
        effort = TuningEffort(
            given.pop("jobs"),
            given.pop("parallel"),
            given.pop("strategy"),
            given.pop("tuning_seed"),
        )
        tune = TuneOptions(given.pop("tunes"), given.pop("then_train"), effort)
        return command(place, tune, *args, **given)

    return with_tune


def run_tuning(
    output: Output, place: StageOptions, tune: TuneOptions, wish: JobSpec, bases: Mapping[str, str]
) -> TuningOutcome:
    """Tune a recipe on a stage and return the result.

    Raises what a training raises, and CommandError if no trial has a value.
    """
    tuning_ranges(wish.recipe)
    tunings = StageTuning(place.find(), say=output.notice)
    wish = replace(wish, job_name=jobs.short_job_name(tunings.home))
    execution = tunings.tune(wish, tune.effort, bases)
    output.notice(f"Tuning {wish.job_name}.")
    with output.progress() as progress:
        shown = progress.add_task("Trials", total=None)

        def look() -> list[TrialResult]:
            outcomes = tunings.outcomes(wish)
            over = sum(each.seconds is not None for each in outcomes)
            progress.update(shown, completed=over, total=max(len(outcomes), tune.effort.jobs))
            return outcomes

        ended = tunings.follow_job(execution, look)
        outcomes = look()
    best = best_trial(wish.recipe, outcomes)
    if best is None:
        show_trials(output, wish.recipe, outcomes)
        raise CommandError(str(ended.get("cause") or f"The tuning ended as {ended['status']}."))
    settings = {**wish.overrides, **best.settings}
    return TuningOutcome(wish, outcomes, best, settings, command_of(wish, settings, bases, place))


def show_tuned(output: Output, outcome: TuningOutcome) -> None:
    """Show the trials, and the command that trains the best."""
    wish, best = outcome.wish, outcome.best
    if output.as_json:
        output.json(as_fields(outcome))
        return
    show_trials(output, wish.recipe, outcome.outcomes)
    number = list(outcome.outcomes).index(best) + 1
    missed = best.missed(wish.recipe)
    reached = "it reaches every gate" if not missed else f"but {'; '.join(missed)}"
    output.line(
        f"Best: trial {number}, {tuning_ranges(wish.recipe).objective} {best.value:.4g}; {reached}."
    )
    output.line("It is trained, judged and registered by:")
    output.line(f"  {outcome.command}")


def show_trials(output: Output, recipe: Recipe, outcomes: Sequence[TrialResult]) -> None:
    """Show a table of trials, and below it why trials failed."""
    objective = tuning_ranges(recipe).objective
    names = list(dict.fromkeys(name for each in outcomes for name in each.settings))
    rows = [
        (
            number,
            each.status,
            *(_short(each.settings.get(name, "")) for name in names),
            "" if each.value is None else f"{each.value:.4g}",
            _gates(recipe, each),
            "" if each.seconds is None else f"{each.seconds:.0f}",
        )
        for number, each in enumerate(outcomes, 1)
    ]
    output.table((*_HEAD, *names, objective, "gates", "seconds"), rows)
    for number, each in enumerate(outcomes, 1):
        if each.reason:
            output.notice(f"Trial {number}: {each.reason}", "red")


def command_of(
    wish: JobSpec, settings: Mapping[str, Any], bases: Mapping[str, str], place: StageOptions
) -> str:
    """Return the shell command that trains with settings."""
    words = ["headrace", "train", wish.recipe.name, "--preset", wish.preset]
    words += ["--target", wish.target] if wish.target != "cpu" else []
    words += ["--spot"] if wish.spot else []
    words += ["--image", wish.image] if wish.image else []
    for name, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--set", f"{name}={text}"]
    for channel, arn in bases.items():
        words += ["--base", f"{channel}={arn}"]
    words += [UNAPPROVED_BASES] if wish.unapproved_bases else []
    for option in ("stage", "region", "profile"):
        given = getattr(place, option)
        words += [f"--{option}", given] if given else []
    return shlex.join(words)


def _gates(recipe: Recipe, outcome: TrialResult) -> str:
    if outcome.value is None:
        return ""
    missed = [
        name for name in recipe.gates if any(name in message for message in outcome.missed(recipe))
    ]
    return f"misses {', '.join(missed)}" if missed else "reached"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def as_fields(outcome: TuningOutcome) -> dict[str, Any]:
    """Return the result of a tuning for programs."""
    fields = ("settings", "status", "value", "numbers", "seconds", "reason")
    return {
        "tuning": outcome.wish.job_name,
        "objective": tuning_ranges(outcome.wish.recipe).objective,
        "trials": [{name: getattr(each, name) for name in fields} for each in outcome.outcomes],
        "settings": dict(outcome.settings),
        "command": outcome.command,
    }
