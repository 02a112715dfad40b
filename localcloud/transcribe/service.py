"""Amazon Transcribe (botocore's `transcribe`): batch transcription jobs.

https://docs.aws.amazon.com/transcribe/latest/APIReference/API_Operations_Amazon_Transcribe_Service.html
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chalicelib.generation.catalogue import Catalogue, catalogue
from localcloud.clock import Clock, utc
from localcloud.errors import AwsError
from localcloud.pagination import InvalidToken, page
from localcloud.service import CloudContext, Params, Result, caller_role
from localcloud.transcribe.requests import (
    ClientFactory,
    bad_request,
    check_access,
    check_request,
    data_access_role,
    output_place,
)
from localcloud.transcribe.runner import Listen, TranscriptionRunner, listen_in_process
from localcloud.transcribe.store import TranscriptionJob, TranscriptionJobStore

TRANSCRIBER = "whisper-base"
"""The local model that answers."""
MAX_RATES: Mapping[str, int] = {"Start": 10, "Get": 20, "List": 5, "Delete": 5}
"""Calls a second of an account: AWS's default quotas.

https://docs.aws.amazon.com/transcribe/latest/dg/limits-guidelines.html
"""
_PAGE = 5
_SHOWN = (
    "MediaSampleRateHertz",
    "MediaFormat",
    "Media",
    "Settings",
    "JobExecutionSettings",
    "IdentifyLanguage",
    "LanguageOptions",
)


class TranscribeService:
    """Starts, shows, lists and deletes transcription jobs."""

    name = "transcribe"

    def __init__(
        self,
        context: CloudContext,
        models_dir: Path,
        clients: ClientFactory,
        known: Catalogue | None = None,
        listen: Listen | None = None,
        clock: Clock = time.time,
        rates: Mapping[str, int] = MAX_RATES,
    ) -> None:
        """Open the store; `listen` replaces the local Whisper, `rates` are calls a second."""
        self._context = context
        self._clients = clients
        self._catalogue = known or catalogue()
        self._rates = {name: CallRate(limit) for name, limit in rates.items()}
        self._store = TranscriptionJobStore(context.folder("transcribe"), clock)
        self._runner = TranscriptionRunner(
            context,
            self._store,
            clients,
            listen or listen_in_process(models_dir),
            self._local_model,
        )

    def start(self) -> None:
        """Run unfinished and new jobs."""
        self._runner.start()

    def stop(self) -> None:
        """Stop the running job, which the next start runs again, and close the store."""
        self._runner.stop()
        self._store.close()

    def start_transcription_job(self, params: Params) -> Result:
        """Create a job, which is durable when this returns. Raises AwsError."""
        self._rates["Start"].check()
        check_request(params)
        role = data_access_role(params, caller_role())
        check_access(params, role, self._clients)
        job = self._store.add(params, role)
        self._runner.wake()
        return {"TranscriptionJob": self._described(job)}

    def get_transcription_job(self, params: Params) -> Result:
        """Return the description of a job. Raises NotFoundException."""
        self._rates["Get"].check()
        job = self._store.job(params["TranscriptionJobName"])
        return {"TranscriptionJob": self._described(job)}

    def list_transcription_jobs(self, params: Params) -> Result:
        """List the jobs that match the filters, the newest first."""
        self._rates["List"].check()
        wanted = params.get("Status")
        found = [
            job
            for job in reversed(self._store.jobs())
            if wanted in (None, job.status) and params.get("JobNameContains", "") in job.name
        ]
        keys = {job.name: f"{number:08d}" for number, job in enumerate(found)}
        limit, token = int(params.get("MaxResults", _PAGE)), params.get("NextToken")
        try:
            chosen, following = page(found, lambda job: keys[job.name], limit, token)
        except InvalidToken as error:
            raise bad_request("The NextToken that you provided isn't valid.") from error
        return {
            **({"Status": wanted} if wanted else {}),
            **({"NextToken": following} if following else {}),
            "TranscriptionJobSummaries": [_summary(job) for job in chosen],
        }

    def delete_transcription_job(self, params: Params) -> Result:
        """Delete a job that has ended. Raises BadRequestException for one that runs."""
        self._rates["Delete"].check()
        try:
            job = self._store.job(params["TranscriptionJobName"])
        except AwsError as error:
            raise bad_request(error.message) from error
        if job.ended_at is None:
            raise bad_request("The transcription job can't be deleted while it is in progress.")
        self._store.delete(job.name)
        return {}

    def _local_model(self) -> object:
        model = self._catalogue.model(TRANSCRIBER)
        largest = max(model.files, key=lambda file: file.bytes)
        return {"name": model.name, "sha256": largest.sha256}

    def _described(self, job: TranscriptionJob) -> dict[str, Any]:
        place = output_place(job.request)
        host = f"https://s3.{self._context.region}.amazonaws.com"
        written = {"TranscriptFileUri": f"{host}/{place.bucket}/{place.key}"}
        return {
            "TranscriptionJobName": job.name,
            "TranscriptionJobStatus": job.status,
            **{name: job.request[name] for name in _SHOWN if name in job.request},
            **_progress(job),
            **({"Transcript": written} if job.status == "COMPLETED" else {}),
        }


def _progress(job: TranscriptionJob) -> dict[str, Any]:
    """Return the members that description and summary of a job share."""
    language = job.language or job.request.get("LanguageCode")
    return {
        "CreationTime": utc(job.created_at),
        **({"StartTime": utc(job.started_at)} if job.started_at else {}),
        **({"CompletionTime": utc(job.ended_at)} if job.ended_at else {}),
        **({"LanguageCode": language} if language else {}),
        **({"FailureReason": job.reason} if job.reason else {}),
        **({"IdentifiedLanguageScore": job.score} if job.score is not None else {}),
    }


def _summary(job: TranscriptionJob) -> dict[str, Any]:
    identify = job.request.get("IdentifyLanguage")
    return {
        "TranscriptionJobName": job.name,
        "TranscriptionJobStatus": job.status,
        "OutputLocationType": "CUSTOMER_BUCKET",
        **({"IdentifyLanguage": identify} if identify else {}),
        **_progress(job),
    }


class CallRate:
    """Refuses more than `limit` calls within a second."""

    def __init__(self, limit: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._calls: deque[float] = deque()
        self._guard = threading.Lock()

    def check(self) -> None:
        """Count a call. Raises ThrottlingException."""
        with self._guard:
            now = self._monotonic()
            while self._calls and now - self._calls[0] >= 1.0:
                self._calls.popleft()
            if len(self._calls) >= self._limit:
                raise AwsError("ThrottlingException", "Rate exceeded")
            self._calls.append(now)
