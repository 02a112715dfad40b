"""Export of registered versions: merged safetensors, GGUF, or the files that serve them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from chalicelib.contracts.model_manifest import FILE
from infra.models.merger import MergeSettings, VersionMerger
from infra.models.registry import RegisteredVersion, Registry, arn_of
from infra.models.training import TrainingError, TrainingStage
from infra.models.training_environment import INTERPRETER
from infra.models.version_files import verified_signature, version_reader
from infra.stages import StageConnection
from models.gguf_probe import PROBE_FILE
from models.training.job import CARD

ExportForm = Literal["safetensors", "gguf", "onnx"]
EXPORT_FORMS: tuple[ExportForm, ...] = get_args(ExportForm)


@dataclass(frozen=True, slots=True)
class ExportedVersion:
    """A version that was exported: its files, and what was compared."""

    version: RegisteredVersion
    files: Sequence[str]
    compared: Mapping[str, Any]


class VersionExports:
    """Exports of one stage's versions."""

    def __init__(self, place: StageConnection, interpreter: Path = INTERPRETER) -> None:
        """Connect to the stage by `place`; `interpreter` is the training environment's."""
        self._client = place.client
        self._home = TrainingStage.of(place.outputs)
        self._registry = Registry(place.client)
        self._merger = VersionMerger(place.client, self._home.bucket, interpreter)

    def export(
        self, wanted: str, form: ExportForm, into: Path, *, precision: str, encoding: str
    ) -> ExportedVersion:
        """Write a version, given as its ARN or GROUP/NUMBER, into an empty folder.

        Raises:
            TrainingFailure: it cannot be exported so, or its base cannot be had.
            ServingError: its files are not those of its manifest.
            VersionNotFoundError: there is no such version.
            ClientError: AWS refuses.
        """
        version = self._registry.version(arn_of(self._home.region, self._home.account, wanted))
        with self._registry.left(version) as left:
            if form == "onnx":
                _copy_served(version, left, into)
                compared: Mapping[str, Any] = {}
            else:
                settings = MergeSettings(precision, encoding if form == "gguf" else None)
                compared = self._merger.merge(version.name, left, into, settings)
        (into / PROBE_FILE).unlink(missing_ok=True)
        return ExportedVersion(version, sorted(each.name for each in into.iterdir()), compared)

    def require_empty(self, into: str) -> None:
        """Raise TrainingError if something lies below a prefix in S3, ClientError if AWS refuses.

        Files of another export that this one does not have would make a model of both.
        """
        bucket, prefix = _location(into)
        found = self._client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        if found.get("Contents"):
            raise TrainingError(
                f"--into: s3://{bucket}/{prefix} is not empty: {found['Contents'][0]['Key']} is "
                "there. Name another prefix, or remove what is there."
            )

    def upload(self, folder: Path, into: str) -> None:
        """Put the files of a folder below a prefix in S3. Raises ClientError."""
        bucket, prefix = _location(into)
        for path in sorted(folder.iterdir()):
            self._client("s3").upload_file(str(path), bucket, f"{prefix}{path.name}")


def _location(into: str) -> tuple[str, str]:
    """Return the bucket and the prefix, which ends with a slash."""
    bucket, _, prefix = into.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/"


def _copy_served(version: RegisteredVersion, left: Path, into: Path) -> None:
    """Copy the graphs and files of a version's manifest, each checked by its hash, and its card."""
    fetch = version_reader(left, version)
    signature = verified_signature(version, fetch(FILE), fetch)
    for name in (*signature.hashes, FILE, CARD):
        if (left / name).is_file():
            shutil.copyfile(left / name, into / name)
