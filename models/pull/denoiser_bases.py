"""Models that the recipe `diffusion` trained as base models: pipelines of what draws.

`python -m models.pull.denoiser_bases NAME NOTES FOLDER` trains one by its preset `tiny`, and makes
the base FOLDER of it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chalicelib.inference.vocabulary import VOCABULARY_FILE
from models.bases.folder import record_base
from models.failures import BadData
from models.files import exclusive_lock, sha256_of_file
from models.jobs.finish import restore_network
from models.networks.denoiser.network import AveragedDenoiser
from models.networks.diffusion_base import save_pixel_pipeline
from models.networks.settings import DenoiserSettings
from models.rehearse import rehearse
from models.training import recipe
from models.training.artefacts import read_training
from models.training.job import WEIGHTS

RECIPE = "diffusion"
_MADE = ".made"


def denoiser_base(model: Path, into: Path, name: str = "", notes: str = "") -> Path:
    """Return a base made of a trained model's folder, in a folder of `into`.

    Args:
        model: the model folder, as judging left it or as an archive was unpacked.
        into: where bases are kept.
        name: the base's name; of its recipe and its weights unless given.
        notes: what a card says of it; its preset and its data unless given.

    Raises:
        BadData: the folder holds no model of the recipe, or one without its words.
        DiskFull: there is no room.
    """
    with tempfile.TemporaryDirectory() as scratch:
        trained = read_training(model, Path(scratch))
        if trained.training.recipe != RECIPE:
            raise BadData(
                f"{model} is a model of the recipe {trained.training.recipe}, and bases that draw "
                f"are models of {RECIPE}, or pipelines of diffusers."
            )
        settings, network = restore_network(trained)
        assert isinstance(network, AveragedDenoiser)
        assert isinstance(settings, DenoiserSettings)
        words = trained.folder / VOCABULARY_FILE
        if not words.is_file():
            raise BadData(f"{model} has no {VOCABULARY_FILE}, the words of its prompts.")
        made = into / f"{RECIPE}-{sha256_of_file(trained.folder / WEIGHTS)[:12]}"
        found = recipe.load(RECIPE)
        with exclusive_lock(into):
            shutil.rmtree(made, ignore_errors=True)
            save_pixel_pipeline(network.drawing, settings, words.read_bytes(), made)
            record_base(
                made,
                name=name or made.name,
                source=f"models/recipes/{RECIPE}",
                licence=found.licence,
                revision=trained.training.code[:12],
                notes=notes
                or f"preset {trained.training.preset}, trained on {found.dataset.name} "
                f"({found.dataset.licence})",
            )
    return made


def main(arguments: Sequence[str]) -> int:
    """Train a model, make a base of it, and return 0, or the exit code of a failed job."""
    name, notes, folder = arguments[0], arguments[1], Path(arguments[2])
    with tempfile.TemporaryDirectory() as scratch:
        if code := rehearse({"recipe": RECIPE, "preset": "tiny"}, Path(scratch)):
            return code
        model = Path(scratch) / "finish" / "model"
        made = denoiser_base(model, folder.parent / _MADE, name, notes)
    shutil.rmtree(folder, ignore_errors=True)
    made.replace(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
