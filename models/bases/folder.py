"""A base model as a folder, in the layout of Hugging Face's hub, with a record of what it is.

    config.json                the architecture and its sizes
    model.safetensors          the weights, or shards with model.safetensors.index.json
    tokenizer.json, tokenizer_config.json, chat_template.jinja, …
    base.json                  the record: name, source, revision, licence, and a hash of each file

A pipeline of diffusers has `model_index.json` in place of a config, and a folder for each of its
models, such as `unet/`: see pipelines.py.

It is the channel `base_model` of a job. Weights are read as safetensors alone, which no code can
hide in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel as PydanticModel
from pydantic import ConfigDict, Field, ValidationError

from models import files
from models.failures import BadData

RECORD, CONFIG = "base.json", "config.json"
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
PIPELINE = "model_index.json"
"""What a pipeline of several models has in place of a config."""
UNET_WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
CHANNEL = "base_model"

_WEIGHTS_SUFFIX = ".safetensors"
_SUFFIXES = (".json", ".jinja", ".model", _WEIGHTS_SUFFIX, ".txt")
"""What a base may consist of: settings, templates, SentencePiece, weights, and word lists."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Record(PydanticModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseFile(_Record):
    """The size, in bytes, and the hash of a file."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class BaseRecord(_Record):
    """The record of a base model, `base.json`.

    `source` is where it comes from, such as `hf:OWNER/NAME`, and `revision` which version of that;
    `notes` is what a card has to say of it, such as weights that were restored from 4 bits.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    source: str
    revision: str = ""
    licence: str
    notes: str = ""
    files: Mapping[str, BaseFile]


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model whose files were checked. `config` is its config.json or model_index.json."""

    folder: Path
    record: BaseRecord
    config: Mapping[str, Any]

    @property
    def model_type(self) -> str:
        """Return the architecture as its library calls it, such as `llama`."""
        return type_of(self.config)

    @property
    def sha256(self) -> str:
        """Return the hash of all files: the identity of a base, whatever its name."""
        return sha256_of_record(self.record)


def type_of(config: Mapping[str, Any]) -> str:
    """Return the architecture that a config names, or the pipeline that an index does."""
    return str(config.get("model_type") or config.get("_class_name") or "")


def config_name(names: Collection[str]) -> str:
    """Return which file of a base says what it is."""
    return CONFIG if CONFIG in names else PIPELINE


def sha256_of_record(record: BaseRecord) -> str:
    """Return the hash of the names and hashes of all files of a base."""
    lines = (f"{name}\0{each.sha256}\n" for name, each in sorted(record.files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def record_base(
    folder: Path, *, name: str, source: str, licence: str, revision: str = "", notes: str = ""
) -> BaseRecord:
    """Hash the files of a base, write its record beside them, and return it.

    Raises:
        BadData: the folder lacks a config or weights.
        DiskFull: there was no room for the record.
    """
    named = {
        path.relative_to(folder).as_posix(): BaseFile(
            bytes=path.stat().st_size, sha256=files.sha256_of_file(path)
        )
        for path in sorted(_files_of(folder))
        if path.suffix in _SUFFIXES and path.name != RECORD
    }
    record = BaseRecord(
        name=name, source=source, revision=revision, licence=licence, notes=notes, files=named
    )
    _require_whole(folder, record)
    files.write_json(folder / RECORD, record.model_dump(mode="json"))
    return record


def _files_of(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, and those of the folders of a pipeline's models."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif (folder / PIPELINE).is_file() and path.is_dir():
            yield from (each for each in path.iterdir() if each.is_file())


def read_base(folder: Path) -> BaseModel:
    """Read a base and check its files against its record.

    Raises:
        BadData: there is no record, or a file is missing or differs; the message names it.
    """
    record = _read_record(folder)
    for name, wanted in record.files.items():
        _require_same_file(folder / name, wanted)
    return BaseModel(folder, record, _read_config(folder / config_name(record.files)))


def read_settings(folder: Path) -> BaseModel:
    """Read a base without its weights, of which `folder` may have none: to read rows by it.

    Raises:
        BadData: there is no record, or a file but weights is missing or differs.
    """
    record = _read_record(folder)
    for name in settings_files(record):
        _require_same_file(folder / name, record.files[name])
    return BaseModel(folder, record, _read_config(folder / config_name(record.files)))


def settings_files(record: BaseRecord) -> list[str]:
    """Return the files of a base that are no weights: config, tokenizer and template."""
    return [name for name in record.files if not name.endswith(_WEIGHTS_SUFFIX)]


def _read_record(folder: Path) -> BaseRecord:
    try:
        written = (folder / RECORD).read_text(encoding="utf-8")
        record = BaseRecord.model_validate_json(written)
    except FileNotFoundError as error:
        raise BadData(f"{folder} is no base model: it has no {RECORD}.") from error
    except (OSError, ValueError, ValidationError) as error:
        raise BadData(f"{folder / RECORD} cannot be read: {error}") from error
    _require_whole(folder, record)
    return record


def _require_whole(folder: Path, record: BaseRecord) -> None:
    names = set(record.files)
    if not {CONFIG, PIPELINE} & names:
        raise BadData(f"{folder} is no base model: it has no {CONFIG}.")
    deepest = 1 if CONFIG in names else 2
    wanted = {WEIGHTS, SHARDS} if CONFIG in names else {UNET_WEIGHTS}
    if not wanted & names:
        raise BadData(
            f"{folder} has no weights as safetensors: {WEIGHTS}, {SHARDS} with its shards, or a "
            f"pipeline's {UNET_WEIGHTS}. Other files of weights can hide code and are not read; "
            "convert them first."
        )
    for name in names:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or not 0 < len(parts) <= deepest:
            raise BadData(f"{folder / RECORD} names {name!r}, which is not a file beside it.")


def _require_same_file(path: Path, wanted: BaseFile) -> None:
    if not path.is_file():
        raise BadData(f"{path} is missing, and {RECORD} lists it; fetch the base again.")
    size = path.stat().st_size
    if size != wanted.bytes or files.sha256_of_file(path) != wanted.sha256:
        raise BadData(
            f"{path} is not the file that {RECORD} lists: it has {size} bytes of {wanted.bytes}, "
            "or another sha256. Fetch the base again."
        )


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadData(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadData(f"{path} has to be a JSON object, and is {type(found).__name__}.")
    return found
