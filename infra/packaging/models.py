"""Model files of a function's bundle, each verified against the catalogue's sha256.

Magika and the recogniser come inside their packages, so they are not listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chalicelib.generation.catalogue import Catalogue
from chalicelib.generation.model_file import served_models
from infra.packaging.targets import PackagingError
from models.failures import DiskFull
from models.pull.base_references import NoBase
from models.pull.cache import NoSource, WrongHash, pull, sha256_of
from models.pull.hub_whispers import pull_whisper, whisper_files

_INT8 = "minilm-l6-v2-int8"
SECOND_EMBEDDERS = ("minilm-l6-v2-fp32", "mpnet-base-v2-int8")
"""Embedding models of which bundles carry one beside the default: all are too large for Lambda."""
SECOND_EMBEDDER = SECOND_EMBEDDERS[0]

CARRIED: Mapping[str, tuple[str, ...]] = {
    "check_support": (_INT8,),
    "chunk_document": (_INT8,),
    "embed_chunks": (_INT8, SECOND_EMBEDDER),
    "embed_text": (_INT8, SECOND_EMBEDDER),
    "extract_fields": (_INT8,),
    "label_picture": ("efficientnet-lite0",),
    "reembed_passages": (_INT8, SECOND_EMBEDDER),
    "rerank_passages": (_INT8,),
    "run_code": ("cpython-wasi",),
    "screen_image": ("open-nsfw",),
    "transcribe_speech": ("whisper-base", "silero-vad", "ge2e-speaker-encoder"),
}
"""By function: its models. A tenant has the model of its own index, so what embeds carries two
embedding models; the others always look through the eyes of one."""


def carried_models(function: str, second_embedder: str) -> tuple[str, ...]:
    """Return the names of the models of `function` in a stage with this `second_embedder`."""
    carried = CARRIED.get(function, ())
    others = [name for name in served_whispers(function) if name not in carried]
    return tuple(
        second_embedder if name == SECOND_EMBEDDER else name for name in (*carried, *others)
    )


def served_whispers(function: str) -> tuple[str, ...]:
    """Return the names of the models that transcribe in `function`, as `served.json` has them."""
    models = served_models().models
    return tuple(
        name
        for name in served_models().models_in_function(function)
        if models[name].task == "transcription"
    )


def pull_carried(folder: Path, known: Catalogue, second_embedder: str = SECOND_EMBEDDER) -> None:
    """Pull the models that bundles carry into `folder`, those that are not there yet.

    Raises:
        PackagingError: a model cannot be had.
    """
    names = sorted({name for bundle in CARRIED for name in carried_models(bundle, second_embedder)})
    try:
        pull([name for name in names if name in known.models], into=folder, known=known)
        for name in names:
            if name not in known.models:
                pull_whisper(name, folder)
    except (NoSource, WrongHash, NoBase, DiskFull) as error:
        raise PackagingError(f"A model that bundles carry cannot be pulled: {error}") from error


def carried(
    function: str,
    folder: Path,
    known: Catalogue,
    checked: dict[Path, str],
    second_embedder: str = SECOND_EMBEDDER,
) -> dict[str, Path]:
    """Return the model files of `function` by their path in the bundle.

    `folder` holds models as `headrace models pull` stores them; `checked` caches hashes between
    calls.

    Raises:
        PackagingError: a file is missing, or is not the catalogue's.
    """
    files = {}
    for name in carried_models(function, second_embedder):
        model = known.models.get(name)
        held = whisper_files(folder / name) if model is None else model.files
        if not held:
            raise PackagingError(
                f"{folder / name} is missing. Run `headrace models pull {name}`, which fetches it."
            )
        for file in held:
            path = folder / name / file.name
            _demand(name, path, file.sha256, checked)
            files[f"models/cache/{name}/{file.name}"] = path
    return files


def _demand(name: str, path: Path, sha256: str, checked: dict[Path, str]) -> None:
    if not path.is_file():
        raise PackagingError(
            f"{path} is missing. Run `headrace models pull {name}`, which fetches it."
        )
    if path not in checked:
        checked[path] = sha256_of(path)
    if checked[path] != sha256:
        raise PackagingError(
            f"{path} has sha256 {checked[path]}, and the catalogue names {sha256}. Remove it and "
            f"run `headrace models pull {name}`."
        )
