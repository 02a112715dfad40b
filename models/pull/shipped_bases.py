"""Base models by name: folders made here, once, from the files of catalogued models.

    folder = shipped_base("minilm-l6-v2")     # models/cache/bases/minilm-l6-v2

Nothing of a hub is needed: the weights come out of packages, or are trained. A base whose files fit
its record is left alone, and a new one gets its name only when it is whole.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.generation.catalogue import catalogue
from models import files
from models.bases.folder import RECORD, read_base, record_base
from models.failures import BadData
from models.pull.base_references import FORMS, NoBase
from models.pull.cache import CACHE, NoSource, Report, pull, pull_source
from models.training.recipe import BaseKind

BASES = CACHE / "bases"
PROJECT = Path(__file__).parents[2]
_TRAINING_S = 3600


@dataclass(frozen=True, slots=True)
class ShippedBase:
    """A base model that is made here.

    `model` is the catalogued model with its weights, or the recipe that trains it, if `trained`;
    that takes about two minutes of a processor. `beside` is another shipped base that becomes a
    part of it. `parameters` counts them, `bytes` those of its folder; `notes` is what a model's
    card says of the base.
    """

    name: str
    kind: BaseKind
    architecture: str
    model: str
    licence: str
    parameters: int
    bytes: int
    notes: str
    trained: bool = False
    beside: str = ""


SHIPPED: Mapping[str, ShippedBase] = {
    each.name: each
    for each in (
        ShippedBase(
            "smollm2-135m-instruct",
            "decoder",
            "llama",
            "smollm2-135m-instruct-q4_1",
            "Apache-2.0",
            134_515_008,
            541_616_000,
            "dequantised from Q4_1: these weights differ from the published ones by the rounding "
            "to 4 bits, and are kept in fp32",
        ),
        ShippedBase(
            "minilm-l6-v2",
            "encoder",
            "bert",
            "minilm-l6-v2-fp32",
            "Apache-2.0",
            22_565_376,
            90_900_000,
            "the fp32 weights out of the ONNX export of all-MiniLM-L6-v2; it has no pooler",
        ),
        ShippedBase(
            "mpnet-base-v2",
            "encoder",
            "mpnet",
            "mpnet-base-v2-int8",
            "Apache-2.0",
            109_486_464,
            438_700_000,
            "all-mpnet-base-v2 as published, in fp32",
        ),
        ShippedBase(
            "digits-diffusion",
            "diffusion",
            "PixelDiffusionPipeline",
            "diffusion",
            "Apache-2.0",
            584_617,
            2_400_000,
            "draws handwritten digits of 8 x 8 pixels; trained here on digits of CC BY 4.0",
            trained=True,
        ),
        ShippedBase(
            "efficientnet-lite0-minilm-l6-v2",
            "image_text",
            "efficientnet_lite_bert",
            "efficientnet-lite0",
            "Apache-2.0",
            27_580_376,
            111_100_000,
            "EfficientNet-lite0 and all-MiniLM-L6-v2, which were not trained together: what is "
            "seen is put into the space of texts by the names of ImageNet's 1,000 classes",
            beside="minilm-l6-v2",
        ),
    )
}


def shipped_base(
    name: str, into: Path = BASES, progress: Report = lambda _: None, models: Path = CACHE
) -> Path:
    """Return the folder of a shipped base model, after making it if it is not there.

    Runs in the training environment. `models` is the cache of the catalogue's models.

    Raises:
        NoBase: there is none called `name`, or no source of its weights answered.
        WrongHash: a source gave other bytes than the catalogue's.
        DiskFull: there was no room.
    """
    base = find_shipped(name)
    folder = into / name
    if base.beside:
        shipped_base(base.beside, into, progress, models)
    with files.exclusive_lock(into):
        if not is_kept(folder):
            _make(base, folder, progress, models)
    return folder


def find_shipped(name: str) -> ShippedBase:
    """Return the shipped base called `name`. Raises NoBase, which lists the others."""
    if name not in SHIPPED:
        raise NoBase(
            f"There is no base model {name!r}. By name there are {', '.join(SHIPPED)}; others are "
            f"{FORMS}."
        )
    return SHIPPED[name]


def is_kept(folder: Path) -> bool:
    """Return whether `folder` is a base whose files fit its record."""
    if not (folder / RECORD).is_file():
        return False
    try:
        read_base(folder)
    except BadData:
        return False
    return True


def _make(base: ShippedBase, folder: Path, progress: Report, models: Path) -> None:
    if base.trained:
        _train(base, folder)
        return
    from models.pull.base_conversion import convert  # torch is slow to import

    model = catalogue().model(base.model)
    staging = folder.with_name(f".{base.name}.staging")
    shutil.rmtree(staging / "made", ignore_errors=True)
    (staging / "made").mkdir(parents=True)
    try:
        # What becomes a part of a pair is taken as the catalogue keeps it.
        if model.sources[0].recipe and not base.beside:
            source = pull_source(model, staging, progress)
        else:
            (source,) = pull([model.name], models, progress)
    except NoSource as error:
        raise NoBase(f"The weights of {base.name} cannot be fetched: {error}") from error
    with files.disk_full_as_failure(staging / "made", base.bytes):
        beside = folder.with_name(base.beside) if base.beside else None
        convert(base.name, source, staging / "made", beside)
    record_base(
        staging / "made",
        name=base.name,
        source=model.upstream,
        licence=base.licence,
        notes=base.notes,
    )
    shutil.rmtree(folder, ignore_errors=True)
    (staging / "made").replace(folder)
    shutil.rmtree(staging)


def _train(base: ShippedBase, folder: Path) -> None:
    """Train a base by its recipe, in a process of its own. Raises NoBase."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "models.pull.denoiser_bases", base.name, base.notes, str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=_TRAINING_S,
        check=False,
    )
    if done.returncode:
        raise NoBase(f"{base.name} cannot be trained: {done.stderr.strip()[-500:]}")
