"""Read rows as a training will: `python -m models.row_check RECIPE --data FOLDER --base FOLDER`.

It loads the channel and encodes every row by the tokenizer of the base, so that a row that is too
long, a template that refuses it or a class too many is told before a job is paid for. The last line
that it prints is a JSON list of what a user should know, such as how many texts are cut.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.bases.folder import read_settings
from models.failures import BadRecipe, TrainingFailure
from models.training import recipe
from models.training.recipe import PresetName
from models.training.recipe_code import recipe_code


def check_channel(
    name: str, preset: PresetName, settings: Mapping[str, Any], data: Path, base: Path | None
) -> Sequence[str]:
    """Return what a user should know of a channel's rows.

    Args:
        name: the recipe.
        preset: its preset, over which `settings` are.
        settings: settings of the user's.
        data: the channel.
        base: the folder of the base model that is tuned, if one is; it needs no weights.

    Raises:
        BadRecipe: the recipe, a setting or the base is missing or wrong.
        BadData: a row can't be learned.
    """
    found = recipe.load(name)
    resolved = recipe.resolve(found, preset, settings)
    code = recipe_code(name)
    rows = code.load(data)
    if found.base_model is None:
        return []
    if base is None:
        raise BadRecipe(f"base: {name} tunes a base model; name its folder.")
    return code.check(resolved, rows, read_settings(base))


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a channel; 1 if a row can't be learned, which the last line of stderr says."""
    parser = argparse.ArgumentParser(prog="python -m models.row_check", description=__doc__)
    parser.add_argument("recipe", help="the recipe that will learn the rows")
    parser.add_argument("--preset", default="tiny", help="smoke, tiny or full; tiny unless given")
    parser.add_argument("--settings", type=json.loads, default={}, help="settings as JSON")
    parser.add_argument("--data", type=Path, required=True, help="the prepared channel")
    parser.add_argument("--base", type=Path, help="the folder of the base, also without weights")
    chosen = parser.parse_args(arguments)
    try:
        found = check_channel(
            chosen.recipe, chosen.preset, chosen.settings, chosen.data, chosen.base
        )
    except TrainingFailure as error:
        print(str(error).replace("\n", " "), file=sys.stderr)  # noqa: T201 - for the other process
        return 1
    print(json.dumps(list(found)))  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
