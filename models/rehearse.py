"""Train a recipe here: `python -m models.rehearse RECIPE --preset tiny --into FOLDER`.

It prepares the data and runs both jobs, each as SageMaker would: a process of its own, with the
root of its folders moved below FOLDER. Run again, it goes on where it was stopped. A recipe that
begins from another's model has that one trained first, unless `--base` names its folder. One that
tunes a base model takes the one that `--base` names, or its own.

    FOLDER/bases/…     the models that the recipe begins from, by their channels
    FOLDER/train/…     the training's folders
    FOLDER/finish/…    those of the judging and export; finish/model is the model
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.bases.folder import CHANNEL
from models.datasets.__main__ import prepare
from models.failures import BadRecipe, TrainingFailure
from models.pull.base_references import parse_reference
from models.pull.bases import fetch_base
from models.training import job, recipe
from models.training.job import MODEL_CHANNEL, TRAINING_CHANNEL

PROJECT = Path(__file__).parents[1]
LONGEST_S = 4 * 3600


def lay_out_job(root: Path, asked: Mapping[str, Any], channels: Mapping[str, Path]) -> None:
    """Make the folders of a job below `root`, with links to its channels."""
    config, data = root / "input" / "config", root / "input" / "data"
    for folder in (config, data):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {name: json.dumps(value) for name, value in asked.items()}
    (config / "hyperparameters.json").write_text(json.dumps(texts), encoding="utf-8")
    for name, folder in channels.items():
        link = data / name
        link.unlink(missing_ok=True)
        link.symlink_to(folder.resolve(), target_is_directory=True)


def run_in_process(root: Path) -> int:
    """Run the job whose folders lie below `root` in a process; return its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "models.train"],
        cwd=PROJECT,
        env={**os.environ, job.ROOT: str(root)},
        timeout=LONGEST_S,
        check=False,
    )
    return done.returncode


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """Options of the jobs of a rehearsal.

    `run` takes the root of one; `data` is a channel that is prepared already; where not `exported`,
    a model is judged and not exported. `base` is a reference to the base model, and `accepted` are
    the licences that the user agreed to.
    """

    run: Callable[[Path], int] = run_in_process
    data: Path | None = None
    exported: bool = True
    base: str = ""
    accepted: frozenset[str] = frozenset()


def rehearse(
    asked: Mapping[str, Any],
    into: Path,
    bases: Mapping[str, Path] | None = None,
    way: RehearsalOptions | None = None,
) -> int:
    """Train a recipe and finish it; return 0, or the exit code of the first failed job.

    `bases` are folders of models by their channels; those that are missing are trained by the same
    preset. Raises BadRecipe.
    """
    way = way or RehearsalOptions()
    found = recipe.load(str(asked["recipe"]))
    given = dict(bases or {})
    overrides = {name: value for name, value in asked.items() if name not in job.JOB_FIELDS}
    settings = recipe.resolve(found, asked.get("preset", "tiny"), overrides)
    needed = found.bases_of(settings)
    known = [*needed, *([CHANNEL] if found.base_model else [])]
    if unknown := sorted(set(given) - set(known)):
        has = ", ".join(known) or "none"
        raise BadRecipe(f"base: {found.name} has no {unknown[0]!r}; its bases are: {has}.")
    for channel, name in needed.items():
        if channel not in given:
            place = into / "bases" / channel
            if code := rehearse({"recipe": name, "preset": asked.get("preset", "tiny")}, place):
                return code
            given[channel] = place / "finish" / "model"
    data = way.data or into / "data"
    if way.data is None:
        prepare(found.dataset.name, data)
    if found.base_model and CHANNEL not in given:
        wanted = parse_reference(way.base or found.base_model.default)
        given[CHANNEL] = fetch_base(wanted, accepted=way.accepted, data=data)
    training, finishing = into / "train", into / "finish"
    lay_out_job(training, asked, {TRAINING_CHANNEL: data, **given})
    if code := way.run(training):
        return code
    channels = {TRAINING_CHANNEL: data, MODEL_CHANNEL: training / "model"}
    for name in (CHANNEL, *found.optional_bases):
        if name in given:
            channels[name] = given[name]
    lay_out_job(finishing, {"task": "finish" if way.exported else "judge"}, channels)
    return way.run(finishing)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train a recipe here."""
    parser = argparse.ArgumentParser(prog="python -m models.rehearse", description=__doc__)
    parser.add_argument("recipe", help=f"one of {', '.join(recipe.names())}")
    parser.add_argument("--preset", default="tiny", help="smoke, tiny or full; tiny unless given")
    parser.add_argument("--into", type=Path, required=True, help="the folder of the run")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--data", type=Path, help="a prepared channel of your own rows")
    parser.add_argument("--base", action="append", default=[], metavar="BASE | CHANNEL=FOLDER")
    parser.add_argument("--accept-licence", action="append", default=[], metavar="LICENCE")
    parser.add_argument(
        "--unapproved-bases",
        metavar="WHY",
        help="begin from models of the preset smoke or below their gates; the card says why",
    )
    chosen = parser.parse_args(arguments)
    try:
        bases, base = named_bases(chosen.base)
        asked = {"recipe": chosen.recipe, "preset": chosen.preset, **job.parse_settings(chosen.set)}
        if chosen.unapproved_bases:
            asked[job.UNAPPROVED_BASES] = chosen.unapproved_bases
        if chosen.data is not None:
            asked[job.OWN_DATA] = True
        options = RehearsalOptions(
            data=chosen.data, base=base, accepted=frozenset(chosen.accept_licence)
        )
        return rehearse(asked, chosen.into, bases, options)
    except TrainingFailure as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - for the user
        return 1


def named_bases(given: Sequence[str]) -> tuple[dict[str, Path], str]:
    """Return the folders of bases by channels, and the reference to the base model, or ""."""
    found, base = {}, ""
    for each in given:
        channel, equals, named = each.partition("=")
        if equals and channel != CHANNEL and channel.isidentifier():
            found[channel] = Path(named)
        else:
            base = named if channel == CHANNEL and equals else each
    return found, base


if __name__ == "__main__":
    raise SystemExit(main())
