"""Base models of a stage: what `--base` names, as the channel of a job.

Every base lies in the stage's bucket once, by the hash of its files: `models/bases/SHA256/`. Its
record is written last, so that a prefix with one is whole.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.models import approval
from infra.models.merger import PREFIX, MergeSettings, VersionMerger, small_object
from infra.models.own_data import is_kept
from infra.models.registry import Registry, arn_of
from infra.models.training_environment import run_module
from infra.stages import Client
from models.bases.folder import RECORD, BaseRecord, config_name, read_base
from models.failures import BadData, BadRecipe
from models.files import disk_full_as_failure
from models.pull.base_folders import (
    README,
    BaseOrigin,
    base_files,
    finish_folder,
    licence_of,
)
from models.pull.base_references import BaseReference, NoBase, parse_reference
from models.pull.licences import require_accepted
from models.training.job import TRAINING

MERGED = "merged"
"""The folder of a version's artefacts with its whole weights, in transformers' layout, if it has
one. Of any other the base is merged with what was tuned."""
DENOISER = "diffusion"
"""The recipe whose models are bases as they are."""
_FETCHING_S = 4 * 3600


@dataclass(frozen=True, slots=True)
class BaseWish:
    """The base that a training asks for.

    `accepted` are the licences that the user agreed to; `unapproved` lets a version that is not
    approved be one. `data` is the prepared channel of the training, with whose rows a new base
    begins.
    """

    reference: str
    accepted: frozenset[str] = frozenset()
    unapproved: bool = False
    data: Path | None = None
    override: str = "--unapproved-bases"
    """The option by which a user takes a version that is not approved."""


@dataclass(frozen=True, slots=True)
class PlacedBase:
    """A base in S3: `uri` ends with a slash; `config` is its config.json."""

    uri: str
    record: BaseRecord
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StageBases:
    """The base models of one stage.

    `interpreter` is the training environment's, which fetches what is not in AWS. `account` and
    `region` complete the names of registered versions.
    """

    client: Client
    bucket: str
    region: str
    account: str
    interpreter: Path

    def place(self, wish: BaseWish) -> PlacedBase:
        """Return the base in the stage's bucket, after fetching and uploading what is missing.

        Raises:
            NoBase: there is none, it cannot be had, or its licence was not accepted.
            BadData: its files are not those of its record.
            BadRecipe: it is a registered version that may not be a base.
            ClientError: AWS refuses.
        """
        wanted = parse_reference(wish.reference)
        if wanted.kind == "s3":
            return self._of_s3(wanted, wish)
        if wanted.kind == "registered":
            with self._of_version(wanted, wish) as folder:
                return self.upload(folder)
        return self.upload(fetch_here(wanted, wish.accepted, self.interpreter, wish.data))

    def upload(self, folder: Path) -> PlacedBase:
        """Put a base into the bucket, unless it is there, with its record as it is here.

        The record is checked before: that of a registered version came out of an archive, and
        decides which files are sent, and under which hash.

        Raises:
            BadData: a file is missing, lies elsewhere, or is not the one of the record.
            ClientError: AWS refuses.
        """
        base = read_base(folder)
        record = base.record
        prefix, s3 = f"{PREFIX}{base.sha256}/", self.client("s3")
        there = self._object(self.bucket, f"{prefix}{RECORD}")
        if there is None or not is_kept(self.client, self.bucket, f"{prefix}{RECORD}"):
            there = None
            for name in sorted(record.files):
                s3.upload_file(str(folder / name), self.bucket, f"{prefix}{name}")
        if there != (folder / RECORD).read_bytes():
            s3.upload_file(str(folder / RECORD), self.bucket, f"{prefix}{RECORD}")
        return PlacedBase(f"s3://{self.bucket}/{prefix}", record, base.config)

    def uploaded(self) -> Iterator[BaseRecord]:
        """Yield the records of the bases in the bucket. Raises ClientError."""
        for name in self._names(self.bucket, PREFIX):
            if name.endswith(f"/{RECORD}"):
                content = self._object(self.bucket, f"{PREFIX}{name}")
                if content is not None:
                    yield BaseRecord.model_validate_json(content)

    def _of_s3(self, wanted: BaseReference, wish: BaseWish) -> PlacedBase:
        bucket, _, prefix = wanted.name.removeprefix("s3://").partition("/")
        content = self._object(bucket, f"{prefix}{RECORD}")
        if content is not None and bucket == self.bucket and prefix.startswith("models/"):
            try:
                record = BaseRecord.model_validate_json(content)
                named = config_name(record.files)
                config = json.loads(self._object(bucket, f"{prefix}{named}") or b"")
            except (ValidationError, ValueError) as error:
                raise NoBase(
                    f"{wanted.name}{RECORD} or its config cannot be read: {error}"
                ) from error
            require_accepted(record.name, record.licence, wish.accepted)
            return PlacedBase(wanted.name, record, config)
        names = {name for name in self._names(bucket, prefix) if name.count("/") <= 1}
        if not names:
            raise NoBase(f"{wanted.name} has no files, or may not be listed.")
        with tempfile.TemporaryDirectory() as scratch:
            folder, s3 = Path(scratch), self.client("s3")
            for name in base_files(names, wanted.name) | ({README} & names):
                (folder / name).parent.mkdir(exist_ok=True)
                with disk_full_as_failure(folder / name):
                    s3.download_file(bucket, f"{prefix}{name}", str(folder / name))
            licence = licence_of(folder / README)
            name = wanted.name.rstrip("/").rpartition("/")[2]
            origin = BaseOrigin(name, wanted.name, "", licence, accepted=wish.accepted)
            finish_folder(folder, origin)
            return self.upload(folder)

    @contextmanager
    def _of_version(self, wanted: BaseReference, wish: BaseWish) -> Iterator[Path]:
        registry = Registry(self.client)
        version = registry.version(arn_of(self.region, self.account, wanted.name))
        if (problem := approval.status_problem(version)) and not wish.unapproved:
            raise BadRecipe(approval.refusal([problem], wish.override))
        with registry.left(version) as left:
            if (left / MERGED / RECORD).is_file():
                yield left / MERGED
                return
            if recipe_of(left) == DENOISER:
                found = BaseReference("folder", str(left))
                yield fetch_here(found, wish.accepted, self.interpreter)
                return
            with tempfile.TemporaryDirectory() as scratch:
                merger = VersionMerger(self.client, self.bucket, self.interpreter)
                merger.merge(version.name, left, Path(scratch), MergeSettings())
                yield Path(scratch)

    def _object(self, bucket: str, key: str) -> bytes | None:
        """Return a small object, or None if it is not there or may not be read."""
        return small_object(self.client, bucket, key)

    def _names(self, bucket: str, prefix: str) -> Iterator[str]:
        """Yield the names below a prefix."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                yield str(each["Key"]).removeprefix(prefix)


def recipe_of(folder: Path) -> str:
    """Return the recipe that trained the model of a folder, or nothing where that is not said."""
    try:
        return str(json.loads((folder / TRAINING).read_text(encoding="utf-8"))["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def fetch_here(
    wanted: BaseReference,
    accepted: frozenset[str],
    interpreter: Path,
    data: Path | None = None,
) -> Path:
    """Return the folder of a base that is not in AWS, fetched by the training environment.

    `data` is the prepared channel with whose rows a new base begins.

    Raises:
        NoBase: it cannot be had, or there is no training environment.
    """
    name = str(wanted)
    if wanted.kind == "folder":
        name = str(Path(wanted.name).expanduser().resolve())
    arguments = [name]
    for licence in sorted(accepted):
        arguments += ["--accept-licence", licence]
    if data is not None:
        arguments += ["--data", str(data.resolve())]
    try:
        said = run_module(interpreter, "models.pull.bases", arguments, timeout_s=_FETCHING_S)
    except BadData as error:
        raise NoBase(str(error)) from error
    return Path(str(json.loads(said.splitlines()[-1])["folder"]))
