"""Folders of a user's own as base models: checked, hashed, and kept beside the fetched ones."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from models import files
from models.bases.architectures import architecture_of
from models.bases.folder import (
    CONFIG,
    PIPELINE,
    RECORD,
    SHARDS,
    WEIGHTS,
    BaseRecord,
    config_name,
    read_base,
    record_base,
)
from models.bases.pipelines import pipeline_files
from models.failures import BadData
from models.pull.base_references import NoBase
from models.pull.licences import UNKNOWN, require_accepted

README = "README.md"
ADAPTER = "adapter_config.json"
_LICENCE = re.compile(r"^licen[sc]e:(?:[ \t]*\n[ \t]*-)?[ \t]*[\"']?(\w[\w.+-]*)", re.M)
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.S)


@dataclass(frozen=True, slots=True)
class BaseOrigin:
    """Where a base comes from: what its record says beside its files.

    `terms` is where its licence stands; `accepted` are the licences that the user agreed to.
    """

    name: str
    source: str
    revision: str = ""
    licence: str = UNKNOWN
    terms: str = ""
    notes: str = ""
    accepted: frozenset[str] = frozenset()


def adopt_folder(folder: Path, into: Path, accepted: frozenset[str] = frozenset()) -> Path:
    """Return a base with the files of a user's folder, which is left as it is.

    A folder that has a record is checked against it and taken as it is. Of any other the files are
    linked, or copied where links are not possible, into a folder of `into`.

    Raises:
        NoBase: the folder is none of transformers' layout, or its licence was not accepted.
        BadData: a file differs from the record.
    """
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise NoBase(f"There is no folder {folder}.")
    if (folder / RECORD).is_file():
        record = read_base(folder).record
        require_accepted(record.name, record.licence, accepted)
        return folder
    names = base_files(_names(folder), str(folder))
    key = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    made = into / f"{folder.name}-{key}"
    with files.exclusive_lock(into):
        if _is_same(made, folder, names):
            require_accepted(folder.name, read_base(made).record.licence, accepted)
            return made
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        for name in sorted(names):
            (made / name).parent.mkdir(exist_ok=True)
            _link_or_copy(folder / name, made / name)
        licence = licence_of(folder / README)
        finish_folder(made, BaseOrigin(folder.name, str(folder), "", licence, accepted=accepted))
    return made


def _names(folder: Path) -> set[str]:
    """Return the files of a folder and of the folders in it."""
    found = (*folder.glob("*"), *folder.glob("*/*"))
    return {path.relative_to(folder).as_posix() for path in found if path.is_file()}


def finish_folder(folder: Path, origin: BaseOrigin) -> BaseRecord:
    """Check what is in a folder, and write its record.

    Raises:
        NoBase: the shards are not complete, or its licence was not accepted.
    """
    agreed = require_accepted(origin.name, origin.licence, origin.accepted, origin.terms)
    require_shards(folder)
    require_architecture(folder, origin.name)
    said = f"its licence, {origin.licence}, was accepted by who fetched it" if agreed else ""
    notes = "; ".join(part for part in (origin.notes, said) if part)
    try:
        return record_base(
            folder,
            name=origin.name,
            source=origin.source,
            revision=origin.revision,
            licence=origin.licence,
            notes=notes,
        )
    except BadData as error:
        raise NoBase(str(error)) from error


def base_files(names: set[str], where: str) -> set[str]:
    """Return which files of a folder or a repository belong to a base model.

    Raises:
        NoBase: it holds only adapters, or no weights as safetensors.
    """
    if ADAPTER in names and CONFIG not in names:
        raise NoBase(
            f"{where} holds adapters alone ({ADAPTER}), which change a base and are none. Name the "
            "base that they were trained on."
        )
    if PIPELINE in names:
        try:
            return pipeline_files(names, where)
        except BadData as error:
            raise NoBase(str(error)) from error
    names = {name for name in names if "/" not in name}
    if CONFIG not in names:
        raise NoBase(f"{where} has no {CONFIG}: it is not in transformers' layout.")
    weights = SHARDS if SHARDS in names else WEIGHTS
    if weights not in names:
        others = sorted(name for name in names if name.endswith((".bin", ".pt", ".pth", ".gguf")))
        has = f" It has {', '.join(others[:3])}." if others else ""
        raise NoBase(
            f"{where} has no weights as safetensors.{has} Pickles can run code, and are not read: "
            "convert them by transformers' save_pretrained, or name a revision that has them (hubs "
            "often keep one as refs/pr/N)."
        )
    return {name for name in names if _belongs(name, weights == SHARDS)}


def _belongs(name: str, sharded: bool) -> bool:
    """Return whether a file is one of settings, tokenizer, template or weights."""
    if name.endswith(".safetensors"):
        return bool(re.fullmatch(r"model-\d+-of-\d+\.safetensors", name)) == sharded and (
            name.startswith("model")
        )
    if name.endswith(".index.json"):
        return sharded and name == SHARDS
    return name.endswith((".json", ".jinja", ".model", ".txt")) and name != RECORD


def require_architecture(folder: Path, name: str) -> None:
    """Raise NoBase if a folder is of no architecture or pipeline that is offered."""
    path = folder / config_name({each.name for each in folder.iterdir()})
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        architecture_of(config, name)
    except (ValueError, AttributeError) as error:
        raise NoBase(f"{path} cannot be read: {error!r}") from error
    except BadData as error:
        raise NoBase(str(error)) from error


def require_shards(folder: Path) -> None:
    """Raise NoBase if a shard of the weights that the index names is missing."""
    if not (folder / SHARDS).is_file():
        return
    try:
        index = json.loads((folder / SHARDS).read_text(encoding="utf-8"))
        wanted = {str(name) for name in index["weight_map"].values()}
    except (ValueError, KeyError, AttributeError) as error:
        raise NoBase(f"{folder / SHARDS} cannot be read: {error!r}") from error
    if missing := sorted(name for name in wanted if not (folder / name).is_file()):
        raise NoBase(f"{folder} lacks {missing[0]}, which {SHARDS} names.")


def licence_of(readme: Path) -> str:
    """Return the licence that a model's card names in its head, or `unknown`."""
    try:
        front = _FRONT.match(readme.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return UNKNOWN
    found = _LICENCE.search(front[1]) if front else None
    return found[1] if found else UNKNOWN


def _is_same(made: Path, folder: Path, names: set[str]) -> bool:
    """Return whether a base was made of a folder's files as they are now."""
    try:
        known = read_base(made).record.files
        states = [((folder / name).stat(), (made / name).stat()) for name in names]
    except (BadData, OSError):
        return False
    return set(known) == names and all(
        (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)
        for one, other in states
    )


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        with files.disk_full_as_failure(target, source.stat().st_size):
            shutil.copy2(source, target)
