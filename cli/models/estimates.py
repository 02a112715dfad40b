"""Output of `train --estimate`: the most that a training costs, and whether it fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

from cli.output import Output
from infra.models.bases import fetch_here
from infra.models.own_data import require_rows
from infra.models.row_check import check_rows
from infra.models.training_environment import INTERPRETER
from models.bases.folder import RECORD, BaseRecord, config_name
from models.pull.base_references import parse_reference
from models.sagemaker import fit
from models.sagemaker.cost import Estimate, estimates, trial_estimates
from models.sagemaker.fit import TargetFit
from models.sagemaker.job_requests import JobSpec


def estimate_training(output: Output, wish: JobSpec, trials: int, reference: str) -> None:
    """Print what a training, or the `trials` of a tuning, cost at most, and whether it fits.

    Rows of the user's own are read as the training would read them, but where their base is in AWS.
    `reference` is to the base model, empty for the recipe's own.

    Raises:
        NoBase: the base cannot be had.
        BadRecipe: its config lacks a size, or the rows are too few.
        BadData: a row does not fit.
    """
    require_rows(wish)
    costs = trial_estimates(wish.recipe, trials) if trials else estimates(wish.recipe)
    folder = base_here(wish, reference)
    if folder is not None or wish.recipe.base_model is None:
        for notice in check_rows(wish, folder, INTERPRETER):
            output.notice(f"data: {notice}")
    show_estimates(output, list(costs), fits_of(wish, folder) if folder else [])


def base_here(wish: JobSpec, reference: str) -> Path | None:
    """Return the folder of the base that a training tunes; None where it is in AWS, or has none.

    It is fetched, or made, if it is not here; one that begins anew is made of a user's own rows.
    Raises NoBase if it cannot be had.
    """
    use = wish.recipe.base_model
    wanted = parse_reference(reference or use.default) if use else None
    if wanted is None or wanted.kind in ("s3", "registered"):
        return None
    if wanted.kind == "new" and wish.channel is None:
        return None  # an estimate does not prepare the recipe's data set
    return fetch_here(wanted, wish.accepted_licences, INTERPRETER, wish.channel)


def fits_of(wish: JobSpec, folder: Path) -> list[TargetFit]:
    """Return how a training that tunes the base in a folder fits each target.

    Raises BadRecipe if its config lacks a size.
    """
    record = BaseRecord.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    config = json.loads((folder / config_name(record.files)).read_text(encoding="utf-8"))
    sizes, asked = fit.sizes_of(wish, record, config), fit.asked_of(wish)
    return list(fit.target_fits(wish, sizes, asked)) if sizes and asked else []


def show_estimates(output: Output, costs: Sequence[Estimate], fits: Sequence[TargetFit]) -> None:
    """Print the most that each target costs, and what a training needs there."""
    by_target = {each.target: each for each in fits}
    if output.as_json:
        rows = []
        for one in costs:
            row = {name: _plain(each) for name, each in asdict(one).items()}
            fitting = by_target.get(one.target)
            rows.append({**row, "fit": asdict(fitting) if fitting else None})
        output.json(rows)
        return
    output.table(
        ("target", "instance", "hours at most", "$ at most", "$ where spot saves most"),
        [
            (
                each.target,
                f"{each.count} x {each.instance}",
                f"{each.hours:g}",
                _dollars(each.most_usd, each.least_usd),
                _dollars(each.least_spot_usd),
            )
            for each in costs
        ],
    )
    output.line(
        "A job is stopped when its hours are over. Prices are of us-east-1: see targets.json."
    )
    if fits:
        output.table(
            ("target", "needs GiB", "has GiB", "fits", "batch that fits", "hours estimated"),
            [_fit_row(each) for each in fits],
        )


def _fit_row(each: TargetFit) -> tuple[str, ...]:
    hours = f"{each.hours:.1f}" if each.hours else "not known here"
    return (
        each.target,
        f"{each.needs_gib:.1f}",
        str(each.has_gib),
        "yes" if each.fits else "no",
        str(each.batch) if each.batch else "none",
        hours,
    )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def _dollars(value: Decimal | None, least: Decimal | None = None) -> str:
    if value is not None:
        return f"{value:.3f}"
    return "price not known here" if least is None else f"more than {least:.3f}"
