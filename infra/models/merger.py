"""Registered versions as whole models: the base with a version merged into it.

The training environment merges (models/merged_model.py); the base is found by its hash in the
cache of this machine, or in the stage's bucket.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.models.training_environment import run_module
from infra.stages import Client
from models.bases.folder import CHANNEL, RECORD, BaseRecord, sha256_of_record
from models.failures import BadData
from models.files import disk_full_as_failure
from models.pull.base_references import NoBase
from models.pull.cache import CACHE
from models.training.job import TRAINING

MERGE, CHECK = "models.merged_model", "models.gguf_check"
PREFIX = "models/bases/"
"""Where the bases of a stage lie in its bucket, each below the hash of its files."""
_MERGING_S = 4 * 3600
_CHECKING_S = 1800
_ABSENT = ("404", "403", "NoSuchKey", "NotFound", "AccessDenied", "Forbidden")


@dataclass(frozen=True, slots=True)
class MergeSettings:
    """How a merged model is written: the numbers of its safetensors, and of its GGUF, if any."""

    precision: str = "fp32"
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class VersionMerger:
    """Makes whole models of a stage's versions.

    `interpreter` is the training environment's, and `bases` the cache of bases of this machine.
    """

    client: Client
    bucket: str
    interpreter: Path
    bases: Path = CACHE / "bases"

    def merge(
        self, name: str, left: Path, into: Path, settings: MergeSettings
    ) -> Mapping[str, Any]:
        """Write the version `name`, whose artefacts lie in `left`, into a folder.

        Returns what was compared, and of a GGUF `llama_cpp`: what llama.cpp made of it, or None if
        it is not installed here.

        Raises:
            NoBase: its base is neither here nor in the bucket.
            BadData: it cannot be merged, what was written says something else, or there is no
                training environment.
            ClientError: AWS refuses.
        """
        with self._base(name, left) as base:
            given = [str(left), str(base), str(into), "--name", name]
            given += ["--precision", settings.precision]
            if settings.encoding:
                given += ["--gguf", settings.encoding]
            told = _result(run_module(self.interpreter, MERGE, given, timeout_s=_MERGING_S))
        return {**told, "llama_cpp": _checked(into)} if settings.encoding else told

    @contextmanager
    def _base(self, name: str, left: Path) -> Iterator[Path]:
        """Provide the folder of the base that a version was tuned from while the block runs."""
        sha256 = _base_of(name, left)
        if kept := self._kept(sha256):
            yield kept
            return
        with tempfile.TemporaryDirectory() as scratch:
            self._download(name, sha256, Path(scratch))
            yield Path(scratch)

    def _kept(self, sha256: str) -> Path | None:
        for path in self.bases.glob(f"*/{RECORD}"):
            try:
                record = BaseRecord.model_validate_json(path.read_text(encoding="utf-8"))
            except ValueError:
                continue
            if sha256_of_record(record) == sha256:
                return path.parent
        return None

    def _download(self, name: str, sha256: str, folder: Path) -> None:
        s3, prefix = self.client("s3"), f"{PREFIX}{sha256}/"
        written = small_object(self.client, self.bucket, f"{prefix}{RECORD}")
        if written is None:
            raise NoBase(
                f"The base of {name} is neither in {self.bases} nor at s3://{self.bucket}/{prefix}:"
                f" fetch it again by its name, whose sha256 is {sha256[:12]}…"
            )
        record = BaseRecord.model_validate_json(written)
        (folder / RECORD).write_bytes(written)
        for file in record.files:
            if Path(file).name != file:
                raise BadData(f"{prefix}{RECORD} names {file!r}, which is not a file beside it.")
            with disk_full_as_failure(folder / file):
                s3.download_file(self.bucket, f"{prefix}{file}", str(folder / file))


def small_object(client: Client, bucket: str, key: str) -> bytes | None:
    """Return an object of S3, or None if it is not there or may not be read. Raises ClientError."""
    try:
        return bytes(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise


def _base_of(name: str, left: Path) -> str:
    """Return the hash of the base that a version was tuned from. Raises BadData if it has none."""
    try:
        written = json.loads((left / TRAINING).read_text(encoding="utf-8"))
        recipe, bases = str(written["recipe"]), dict(written["bases"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{name} has no whole {TRAINING}: {error!r}") from error
    if CHANNEL not in bases:
        raise BadData(
            f"{name} was trained by {recipe}, which tunes no base model: nothing can be merged. "
            "`--as onnx` exports what serves it."
        )
    return str(bases[CHANNEL])


def _checked(folder: Path) -> Mapping[str, Any] | None:
    """Return what llama.cpp made of a GGUF, in a process that its crashes end alone."""
    if find_spec("xllamacpp") is None:
        return None
    python = Path(sys.executable)
    return _result(run_module(python, CHECK, [str(folder)], timeout_s=_CHECKING_S))


def _result(written: str) -> Mapping[str, Any]:
    """Return the line of JSON that a program ended with."""
    found: Mapping[str, Any] = json.loads(written.splitlines()[-1])
    return found
