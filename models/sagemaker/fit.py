"""Whether a training that is asked for fits where it would run: both of its jobs, by target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.bases.folder import BaseRecord
from models.failures import BadRecipe
from models.sagemaker.job_requests import JobSpec
from models.training import recipe
from models.training.fit import (
    GIB,
    RUNTIME_BYTES,
    BaseSizes,
    FitSettings,
    fit_on,
    require_fit,
    seconds_on_cpu,
)
from models.training.instances import instances
from models.training.recipe import TargetUse
from models.training.targets import TargetName, targets

HOUR_S = 3600
_COUNTED = ("decoder", "encoder", "encoder_decoder")
"""Kinds of bases that are one transformer, whose blocks are counted."""
_SLOWEST = 3
"""How many times as long as estimated a training may take: it is refused only beyond that."""


@dataclass(frozen=True, slots=True)
class TargetFit:
    """The fit of a training on a target, sizes in GiB; `hours` is 0 where no speed is known.

    `batch` is the largest that fits.
    """

    target: TargetName
    instance: str
    needs_gib: float
    has_gib: int
    fits: bool
    batch: int
    hours: float


def sizes_of(wish: JobSpec, record: BaseRecord, config: Mapping[str, Any]) -> BaseSizes | None:
    """Return the sizes of the base of a training; None if its recipe tunes none that is counted.

    Raises BadRecipe if its config lacks one.
    """
    use = wish.recipe.base_model
    if use is None or use.kind not in _COUNTED:
        return None
    weights = sum(
        each.bytes for name, each in record.files.items() if name.endswith(".safetensors")
    )
    return BaseSizes.of(config, weights, use.kind)


def asked_of(wish: JobSpec) -> FitSettings | None:
    """Return the settings that memory and time depend on; None if the recipe tunes no base.

    Raises BadRecipe for a setting that cannot be.
    """
    return FitSettings.of(recipe.resolve(wish.recipe, wish.preset, wish.overrides))


def target_fits(wish: JobSpec, sizes: BaseSizes, asked: FitSettings) -> Iterator[TargetFit]:
    """Yield how a training fits each target that its recipe trains on."""
    for name, use in wish.recipe.targets.items():
        instance = _instance(name, use)
        found = fit_on(instance, sizes, asked)
        if found is not None:
            yield TargetFit(
                name,
                instance,
                found.memory.total / GIB,
                instances()[instance].gib_a_process,
                found.fits,
                found.batch,
                seconds_on_cpu(sizes, asked) / HOUR_S if name == "cpu" else 0.0,
            )


def require_fitting(wish: JobSpec, sizes: BaseSizes, asked: FitSettings) -> None:
    """Raise BadRecipe if a training needs more memory or, on a CPU, time than its jobs have.

    The second job evaluates and exports on a CPU: it holds the weights and what it exports.
    """
    use = wish.recipe.targets.get(wish.target)
    if use is None:
        return  # what sends the request says which targets there are
    if targets()[wish.target].device not in ("cpu", "cuda"):
        _require_no_gpu(wish.target, asked)
    require_fit(_instance(wish.target, use), sizes, asked)
    finish = _instance("cpu", wish.recipe.targets.get("cpu", TargetUse()))
    needs = 2 * sizes.parameters * 4 + RUNTIME_BYTES
    if finish in instances() and needs > instances()[finish].memory_gib * GIB:
        raise BadRecipe(
            f"fit: the second job, which evaluates and exports, needs at least {needs / GIB:.0f} "
            f"GiB, and {finish} has {instances()[finish].memory_gib}: give the recipe's target "
            "`cpu` a larger instance, or take a smaller base."
        )
    hours = seconds_on_cpu(sizes, asked) / HOUR_S
    if wish.target == "cpu" and hours > use.hours * _SLOWEST:
        raise BadRecipe(
            f"fit: {asked.steps} steps of {asked.batch} rows of {asked.tokens} tokens take some "
            f"{hours:.1f} hours on a CPU with {asked.threads} threads, and the job is stopped "
            f"after {use.hours:g}: fewer steps, shorter rows, more threads, or another target."
        )


def _require_no_gpu(target: TargetName, asked: FitSettings) -> None:
    """Raise BadRecipe if a training on another accelerator is asked for what GPUs alone do."""
    if asked.way == "qlora":
        raise BadRecipe(
            f"way: qlora needs an NVIDIA GPU, --target gpu, and {target} has none; take lora."
        )
    if asked.sharded:
        raise BadRecipe(
            f"sharded: processes share a network on NVIDIA GPUs, --target gpu, and {target} has "
            "none; leave it out."
        )


def _instance(name: TargetName, use: TargetUse) -> str:
    return use.instance or targets()[name].instance
