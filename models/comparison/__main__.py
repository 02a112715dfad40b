"""Compare recipes that draw: `python -m models.comparison --into FOLDER [RECIPE …]`.

Each is trained on the same pictures for the same seconds of a processor, exported, and sampled as
the function that serves it does. A classifier that trained with none of them measures fidelity and
coverage.

    FOLDER/comparison.json, comparison.md, comparison.png
    FOLDER/RECIPE/…    the training's folders; RECIPE/served is what drew

`--trained RECIPE=FOLDER` compares a model as it is, whatever its training took.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from chalicelib.errors import HeadraceError
from models.comparison import report, sampling_modes
from models.comparison.contestants import (
    TrainingBudget,
    open_contestant,
    prepare_channels,
    select_recipes,
    train_contestant,
)
from models.comparison.report import ComparisonRow
from models.evaluation.image_quality import image_classifier, image_quality
from models.failures import BadRecipe, TrainingFailure
from models.training import job, recipe

PRESETS = ("smoke", "tiny", "full")


def compare(
    names: Sequence[str],
    budget: TrainingBudget,
    into: Path,
    trained: Mapping[str, Path] | None = None,
) -> list[ComparisonRow]:
    """Train, draw and judge; return a row for each way to draw.

    The first row is the held-out pictures, as a perfect model would draw them.

    Recipes of which `trained` has a model are not trained. As many pictures are drawn as are held
    out. Raises TrainingFailure and HeadraceError.
    """
    models = trained or {}
    if unasked := sorted(set(models) - set(names)):
        raise BadRecipe(f"trained: {unasked[0]} is none of {', '.join(names)}, which are compared.")
    found, data = prepare_channels(names, into)
    judge, real, held_out = image_classifier(data), data.train.images, data.test.images
    classes = len(data.names)
    rows, shown = (
        [ComparisonRow("real, held out", image_quality(judge, real, held_out, classes))],
        [held_out],
    )
    for name in names:
        if name in models:
            contestant = open_contestant(name, found[name], models[name])
        else:
            contestant = train_contestant(name, budget, found[name], into)
        for way in sampling_modes.sampling_modes(contestant):
            pixels = sampling_modes.draw_pictures(contestant, way, len(held_out), budget.seed)
            rows.append(
                ComparisonRow(
                    way.name,
                    image_quality(judge, real, pixels, classes),
                    contestant.steps,
                    contestant.seconds,
                    sampling_modes.measure_speed(contestant, way),
                )
            )
            shown.append(pixels)
    report.write_report(into, rows, shown, {"recipes": list(names), **asdict(budget)})
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m models.comparison", description=__doc__)
    parser.add_argument("recipes", nargs="*", help=f"of {', '.join(recipe.names())}")
    parser.add_argument("--into", type=Path, required=True, help="the folder of the run")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each training; 20")
    parser.add_argument("--preset", default="tiny", choices=PRESETS, help="whose settings; tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--trained",
        action="append",
        default=[],
        metavar="RECIPE=FOLDER",
        help="a model that models.rehearse left, in place of a training",
    )
    given = parser.parse_args(arguments)
    budget = TrainingBudget(given.seconds, given.preset, given.seed)
    try:
        trained = {name: Path(str(at)) for name, at in job.parse_settings(given.trained).items()}
        rows = compare(select_recipes(given.recipes or list(trained)), budget, given.into, trained)
    except (TrainingFailure, HeadraceError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - for the user
        return 1
    print(report.table(rows), end="")  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
