"""Estimates of the most that a training or a tuning may cost, by target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from models.training.instances import instances
from models.training.recipe import Recipe, TargetUse
from models.training.targets import TargetName, TrainingTarget, targets

SPOT_SAVES_AT_MOST = Decimal("0.9")
"""Capacity that may go away is up to so much cheaper, AWS says, and never dearer.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The most that a training's two jobs or a tuning's trials may cost, in dollars.

    `most_usd` is at on-demand prices, None if SageMaker's hourly price is unknown; `least_usd` is
    then what EC2 asks for the same machines, which SageMaker's price exceeds, if that is known.
    `least_spot_usd` is the least with spot capacity.
    """

    target: TargetName
    instance: str
    count: int
    hours: float
    most_usd: Decimal | None
    least_spot_usd: Decimal | None
    least_usd: Decimal | None = None


def estimates(recipe: Recipe) -> Iterator[Estimate]:
    """Yield an estimate for each target that a recipe trains on.

    A job is stopped when its hours are over, so that no training costs more than this; the second
    job, which judges and exports, runs on the CPU's instance.
    """
    known = targets()
    finish_use = recipe.targets.get("cpu", TargetUse())
    finish = _max_usd(finish_use, known["cpu"])
    for name, use in recipe.targets.items():
        train = _max_usd(use, known[name])
        most = None if train is None or finish is None else train + finish
        spot = (
            None if train is None or finish is None else train * (1 - SPOT_SAVES_AT_MOST) + finish
        )
        instance = use.instance or known[name].instance
        ec2 = _ec2_usd(use, instance)
        least = None if most is not None or ec2 is None or finish is None else ec2 + finish
        yield Estimate(name, instance, use.count, use.hours, most, spot, least)


def trial_estimates(recipe: Recipe, trials: int) -> Iterator[Estimate]:
    """Yield an estimate of the trials of a tuning for each target; `hours` are those of all.

    A trial is stopped when the hours of a training are over. What is trained afterwards is extra.
    """
    known = targets()
    for name, use in recipe.targets.items():
        one = _max_usd(use, known[name])
        most = None if one is None else one * trials
        spot = None if most is None else most * (1 - SPOT_SAVES_AT_MOST)
        instance = use.instance or known[name].instance
        ec2 = _ec2_usd(use, instance) if most is None else None
        least = None if ec2 is None else ec2 * trials
        yield Estimate(name, instance, use.count, use.hours * trials, most, spot, least)


def _ec2_usd(use: TargetUse, instance: str) -> Decimal | None:
    """Return what EC2 asks for the machines of a job, at its list price."""
    found = instances().get(instance)
    if found is None or found.ec2_usd_an_hour is None:
        return None
    return found.ec2_usd_an_hour * use.count * Decimal(str(use.hours))


def _max_usd(use: TargetUse, target: TrainingTarget) -> Decimal | None:
    instance = use.instance or target.instance
    if target.price is None or instance != target.instance:
        return None
    return target.price.usd_an_hour * use.count * Decimal(str(use.hours))
