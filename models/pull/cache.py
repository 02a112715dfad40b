"""The cache of the catalogue's models on this machine, each file checked by sha256.

    from models.pull.cache import pull, statuses
    pull()                                  # every default model, into models/cache
    pull(["minilm-l6-v2-int8"], into=folder, progress=print)
    statuses()                              # what is there, what is missing, what is wrong

`pull` takes the first source that answers. It is idempotent (files whose hash fits are left
alone), resumable (what was fetched is kept until the model is whole) and atomic (a file has
its final name only when it is whole and checked), and two pulls at once wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Literal

from chalicelib.generation.catalogue import Catalogue, LocalModel, ModelFile, ModelSource, catalogue
from models.pull import sources
from models.pull.sources import FetchProgress, SourceUnreachable

CACHE = Path(__file__).parents[1] / "cache"
_BLOCK = 1 << 20

FileState = Literal["present", "missing", "wrong"]


class WrongHash(Exception):  # noqa: N818 - named for what it tells
    """A file has another sha256 than the catalogue names."""


class NoSource(Exception):  # noqa: N818
    """No source of a model could be reached; the message has the answer of each."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One step of a pull. `done` and `total` are bytes, and `total` is 0 where unknown."""

    model: str
    step: Literal["present", "fetching", "converting", "placed"]
    file: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class PullStatus:
    """The state of a model's files; `detail` says what is missing or wrong."""

    model: LocalModel
    state: FileState
    detail: str = ""


Report = Callable[[PullProgress], None]


def _silent(_: PullProgress) -> None:
    """Report nothing."""


def pull(
    names: Iterable[str] | None = None,
    into: Path = CACHE,
    progress: Report = _silent,
    known: Catalogue | None = None,
) -> list[Path]:
    """Put the models called `names`, or all default models, into the folder `into`.

    Returns the folder of each model that has files of its own there.

    Raises:
        NotFound: a name is not in the catalogue.
        WrongHash: a source gave a file that is not the catalogue's.
        NoSource: no source answered.
    """
    known = known or catalogue()
    chosen = (
        [known.model(name) for name in names]
        if names is not None
        else [model for model in known.models.values() if model.default]
    )
    into.mkdir(parents=True, exist_ok=True)
    with _alone(into):
        return [place for model in chosen if (place := _pull_one(model, into, progress))]


def pull_source(model: LocalModel, into: Path, progress: Report = _silent) -> Path:
    """Put the files that a model is made from, unconverted, into a folder of `into`; return it.

    Raises:
        WrongHash: a source gave a file that is not the catalogue's.
        NoSource: no source answered.
    """
    unconverted = tuple(replace(source, recipe="") for source in model.sources)
    files = model.sources[0].files
    into.mkdir(parents=True, exist_ok=True)
    with _alone(into):
        _place(replace(model, files=files, sources=unconverted), into, progress)
    return into / model.name


def statuses(into: Path = CACHE, known: Catalogue | None = None) -> list[PullStatus]:
    """Return the state of every model of the catalogue, with every hash checked."""
    known = known or catalogue()
    return [status(model, into) for model in known.models.values()]


def status(model: LocalModel, into: Path = CACHE) -> PullStatus:
    """Check the files of `model` in `into`, or in its package, by their hashes."""
    if model.sources[0].kind == "installed":
        return _installed(model, model.sources[0])
    folder = into / model.name
    missing = [file.name for file in model.files if not (folder / file.name).is_file()]
    if missing:
        return PullStatus(model, "missing", f"missing: {', '.join(missing)}")
    wrong = [file.name for file in model.files if not _fits(folder / file.name, file)]
    if wrong:
        return PullStatus(model, "wrong", f"not the catalogue's bytes: {', '.join(wrong)}")
    return PullStatus(model, "present")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _installed(model: LocalModel, source: ModelSource) -> PullStatus:
    try:
        distribution = metadata.distribution(source.package)
    except metadata.PackageNotFoundError:
        return PullStatus(model, "missing", f"the package {source.package} is not installed")
    for file in source.files:
        if not _fits(Path(str(distribution.locate_file(file.member))), file):
            return PullStatus(
                model,
                "wrong",
                f"{source.package} {distribution.version} carries another {file.name} than"
                f" {source.version}, which the catalogue names",
            )
    return PullStatus(model, "present")


def _pull_one(model: LocalModel, into: Path, progress: Report) -> Path | None:
    found = status(model, into)
    installed = model.sources[0].kind == "installed"
    if found.state == "present":
        progress(PullProgress(model.name, "present", done=model.bytes, total=model.bytes))
        return None if installed else into / model.name
    if installed:
        raise NoSource(f"{model.name}: {found.detail}")
    _place(model, into, progress)
    return into / model.name


def _place(model: LocalModel, into: Path, progress: Report) -> None:
    staging = into / ".staging" / model.name
    staging.mkdir(parents=True, exist_ok=True)
    source, fetched = _fetch_first(model, staging, progress)
    made = fetched
    if source.recipe:
        from models.pull.conversion import RECIPES  # slow to import, and only needed here

        progress(PullProgress(model.name, "converting", total=model.bytes))
        made = staging / "made"
        made.mkdir(exist_ok=True)
        RECIPES[source.recipe](fetched, made)
    for file in model.files:
        _require_hash(made / file.name, file, f"{model.name}, from {sources.describe(source)}")
    folder = into / model.name
    folder.mkdir(exist_ok=True)
    for file in model.files:
        (made / file.name).chmod(0o644)
        _sync(made / file.name)
        os.replace(made / file.name, folder / file.name)
    _sync(folder)
    shutil.rmtree(staging)
    progress(PullProgress(model.name, "placed", done=model.bytes, total=model.bytes))


def _fetch_first(model: LocalModel, staging: Path, progress: Report) -> tuple[ModelSource, Path]:
    answers: list[str] = []
    for number, source in enumerate(model.sources):
        folder = staging / f"source-{number}"
        folder.mkdir(exist_ok=True)
        wanted = [file for file in source.files if not _is_kept(folder / file.name, file)]

        def fetched(step: FetchProgress) -> None:
            progress(PullProgress(model.name, "fetching", step.file, step.done, step.total))

        try:
            if wanted:
                sources.fetch(source, wanted, folder, fetched)
        except SourceUnreachable as error:
            answers.append(f"{sources.describe(source)}: {error}")
            continue
        for file in source.files:
            _require_hash(
                folder / file.name, file, f"{model.name}, from {sources.describe(source)}"
            )
        return source, folder
    raise NoSource(f"No source of {model.name} answered. {' '.join(answers)}")


def _is_kept(path: Path, file: ModelFile) -> bool:
    return path.is_file() and _fits(path, file)


def _fits(path: Path, file: ModelFile) -> bool:
    return path.stat().st_size == file.bytes and sha256_of(path) == file.sha256


def _require_hash(path: Path, file: ModelFile, whence: str) -> None:
    found = sha256_of(path)
    if found == file.sha256:
        return
    path.unlink()
    raise WrongHash(
        f"{file.name} of {whence} has sha256 {found}, and the catalogue names {file.sha256}."
        " It was not kept. If the model was converted here, check that onnx and onnxruntime"
        " have the versions of requirements/dev.txt."
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(into: Path) -> Iterator[None]:
    with (into / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
