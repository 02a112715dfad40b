"""The thread that runs import jobs, one at a time.

A job reads the files of its folder in S3 with its role, checks what Bedrock checks, and converts
them to GGUF in the training environment. A job that ran when the cloud was killed begins again.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import InvalidInput
from chalicelib.generation.importable import import_limits
from localcloud.bedrock.batch.job_files import JobFileLocation
from localcloud.bedrock.customisation.runner import MODEL_FILE, ClientFactory
from localcloud.bedrock.imports.store import ImportJob, ImportStore
from localcloud.bedrock.model_jobs import ModelJobFailed, ModelJobInterrupted
from localcloud.service import CloudContext
from localcloud.threaded_runner import ThreadedRunner

SOURCE = "source"
_READ = (".json", ".safetensors", ".jinja", ".txt", ".model")
_STOP_TIMEOUT_S = 5.0
_MAX_MESSAGE = 2048
_log = logging.getLogger(__name__)

ConvertModel = Callable[[Path, threading.Event], None]
"""Leaves `model.gguf` beside the folder `source`, unless the event is set.

Raises ModelJobFailed, or ModelJobInterrupted.
"""


class ImportRunner(ThreadedRunner):
    """Runs the jobs of a store, the oldest first."""

    def __init__(
        self,
        surroundings: CloudContext,
        store: ImportStore,
        clients: ClientFactory,
        convert: ConvertModel,
    ) -> None:
        """Create a runner that `start` starts."""
        super().__init__("bedrock-imports", _STOP_TIMEOUT_S)
        self._surroundings = surroundings
        self._store = store
        self._clients = clients
        self._convert = convert

    def remove(self, job_id: str) -> None:
        """Remove the files of a model that was deleted."""
        shutil.rmtree(self.model_path(job_id).parent, ignore_errors=True)

    def model_path(self, job_id: str) -> Path:
        """Return where the model of a job lies."""
        return self._surroundings.folder("bedrock") / "imported-models" / job_id / MODEL_FILE

    def _step(self) -> bool:
        job = self._store.first_open()
        if job is not None:
            self._advance(job)
        return job is not None

    def _advance(self, job: ImportJob) -> None:
        try:
            config = self._run_job(job)
        except ModelJobInterrupted:
            return
        except (ModelJobFailed, InvalidInput, ClientError, BotoCoreError) as error:
            said = error.message if isinstance(error, InvalidInput) else str(error)
            self._fail(job, said)
        except Exception as error:  # noqa: BLE001 - one job must not end the thread
            _log.exception("an import job failed inside the local cloud")
            self._fail(job, f"The local cloud failed: {error!r}")
        else:
            self._store.end(
                job,
                "Completed",
                architecture=str(config["model_type"]),
                context=int(config.get("max_position_embeddings", 0)),
            )

    def _fail(self, job: ImportJob, message: str) -> None:
        self.remove(job.id)
        self._store.end(job, "Failed", message[:_MAX_MESSAGE])

    def _run_job(self, job: ImportJob) -> Mapping[str, Any]:
        """Return the config of the model that was imported."""
        folder = self.model_path(job.id).parent
        shutil.rmtree(folder, ignore_errors=True)
        source = folder / SOURCE
        source.mkdir(parents=True)
        s3 = self._clients("s3", str(job.request["roleArn"]))
        place = JobFileLocation.parse(job.request["modelDataSource"]["s3DataSource"]["s3Uri"])
        files = _files(s3, place)
        config = _config(s3, place, files)
        import_limits().check(config, files, self._surroundings.region)
        for name in files:
            if name.endswith(_READ):
                found = s3.get_object(Bucket=place.bucket, Key=place.child(name).key)
                with (source / name).open("wb") as file:
                    shutil.copyfileobj(found["Body"], file)
        self._convert(folder, self._stopping)
        shutil.rmtree(source)
        return config


def _files(s3: Any, place: JobFileLocation) -> Mapping[str, int]:
    """Return the bytes of the files of a folder in S3."""
    prefix = f"{place.key.rstrip('/')}/"
    found: dict[str, int] = {}
    given: dict[str, Any] = {"Bucket": place.bucket, "Prefix": prefix}
    while True:
        page = s3.list_objects_v2(**given)
        for each in page.get("Contents", ()):
            name = str(each["Key"]).removeprefix(prefix)
            if name and "/" not in name:
                found[name] = int(each["Size"])
        if not page.get("IsTruncated"):
            return found
        given["ContinuationToken"] = page["NextContinuationToken"]


def _config(s3: Any, place: JobFileLocation, files: Mapping[str, int]) -> Mapping[str, Any]:
    if "config.json" not in files:
        raise InvalidInput("The model has no config.json, which an import needs.")
    body = s3.get_object(Bucket=place.bucket, Key=place.child("config.json").key)["Body"].read()
    try:
        config = json.loads(body)
    except ValueError as error:
        raise InvalidInput("The model's config.json is not JSON.") from error
    if not isinstance(config, dict):
        raise InvalidInput("The model's config.json is not an object.")
    return config
