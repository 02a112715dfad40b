"""The thread that runs transcription jobs, one at a time, the oldest first.

A job reads its media from S3 and writes its transcript with its role. One that ran when the cloud
was stopped or killed begins again.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.service import CloudContext
from localcloud.threaded_runner import ThreadedRunner
from localcloud.transcribe.languages import identified, whisper_language
from localcloud.transcribe.output import HeardWord, output_document
from localcloud.transcribe.requests import ClientFactory, media_place, output_place
from localcloud.transcribe.store import TranscriptionJob, TranscriptionJobStore
from localcloud.wire.service_models import service_model

MAX_BYTES = 2 * 1024**3
"""The largest media file that Amazon Transcribe takes."""
_PROJECT = Path(__file__).parents[2]
_STOP_TIMEOUT_S = 4.0
_LOOK_S = 0.1
_log = logging.getLogger(__name__)


class TranscriptionFailed(Exception):  # noqa: N818 - named for what it tells
    """Raised for a job that failed; the text is the reason that AWS would give."""


class TranscriptionInterrupted(Exception):  # noqa: N818 - named for what it tells
    """Raised when the cloud stops while a job runs."""


class Listen(Protocol):
    """Transcribes a WAV file: returns what `listener.listen` does."""

    def __call__(
        self, file: Path, language: str, max_speakers: int, stopping: threading.Event
    ) -> Mapping[str, Any]:
        """Return language, probability and words.

        Raises `TranscriptionFailed`, or `TranscriptionInterrupted` if the cloud stops.
        """


class TranscriptionRunner(ThreadedRunner):
    """Runs the jobs of a store."""

    def __init__(
        self,
        context: CloudContext,
        store: TranscriptionJobStore,
        clients: ClientFactory,
        listen: Listen,
        local_model: Callable[[], object],
    ) -> None:
        """Create a runner that `start` starts; `local_model` names the model that answers."""
        super().__init__("transcribe", _STOP_TIMEOUT_S)
        self._context = context
        self._store = store
        self._clients = clients
        self._listen = listen
        self._local_model = local_model

    def _step(self) -> bool:
        job = self._store.first_open()
        if job is None:
            return False
        self._store.begin(job)
        try:
            language, score = self._run_job(job)
        except TranscriptionInterrupted:
            return False
        except TranscriptionFailed as error:
            self._store.fail(job, str(error))
        except (ClientError, BotoCoreError) as error:
            _log.warning("the job %s failed: %s", job.name, error)
            self._store.fail(job, "The S3 objects of the job can't be accessed.")
        except Exception as error:  # noqa: BLE001 - one job must not end the thread
            _log.exception("a transcription job failed inside the local cloud")
            self._store.fail(job, f"The local cloud failed: {error!r}")
        else:
            self._store.complete(job, language, score)
        return True

    def _run_job(self, job: TranscriptionJob) -> tuple[str, float | None]:
        """Transcribe the media of a job; return its language, and the score if identified."""
        request = job.request
        s3 = self._clients("s3", job.role)
        asked = str(request.get("LanguageCode", ""))
        with tempfile.TemporaryDirectory(dir=self._context.folder("transcribe")) as folder:
            file = Path(folder) / "media"
            self._fetch(s3, request, file)
            speakers = int(request.get("Settings", {}).get("MaxSpeakerLabels", 0))
            heard = self._listen(file, whisper_language(asked), speakers, self._stopping)
        language, score = asked, None
        if request.get("IdentifyLanguage"):
            options = request.get("LanguageOptions", ())
            language = identified(str(heard["language"]), _languages(), options)
            score = round(float(heard["probability"]), 4)
        if not language:
            raise TranscriptionFailed("The language of the media couldn't be identified.")
        words = [HeardWord(**word) for word in heard["words"]]
        told: dict[str, Any] = {"language_code": language}
        if score is not None:
            told["language_identification"] = [{"score": str(score), "code": language}]
        local = self._local_model()
        document = output_document(job.name, self._context.account_id, words, told, local)
        place = output_place(request)
        body = json.dumps(document, ensure_ascii=False).encode()
        s3.put_object(Bucket=place.bucket, Key=place.key, Body=body, ContentType="application/json")
        return language, score

    def _fetch(self, s3: Any, request: Mapping[str, Any], file: Path) -> None:
        place = media_place(request)
        found = s3.get_object(Bucket=place.bucket, Key=place.key)
        if int(found["ContentLength"]) > MAX_BYTES:
            raise TranscriptionFailed("Invalid file size: file size too large.")
        with file.open("wb") as written:
            for block in found["Body"].iter_chunks(1 << 20):
                written.write(block)
        kind = request.get("MediaFormat") or place.key.rpartition(".")[2].lower()
        with file.open("rb") as read:
            is_wav = read.read(12)[8:] == b"WAVE"
        if kind == "wav" and not is_wav:
            raise TranscriptionFailed(
                "The media format provided does not match the detected media format."
            )
        if not is_wav:
            raise TranscriptionFailed(f"The local cloud reads WAV alone, not {kind}.")


@cache
def _languages() -> Sequence[str]:
    shape: Any = service_model("transcribe").shape_for("LanguageCode")
    return tuple(shape.enum)


def listen_in_process(models_dir: Path) -> Listen:
    """Return what transcribes in a process of its own, with the models in `models_dir`."""

    def listen(
        file: Path, language: str, max_speakers: int, stopping: threading.Event
    ) -> Mapping[str, Any]:
        from localcloud.transcribe.listener import Listening

        places = str(file.resolve()), str(models_dir.resolve())
        asked = Listening(*places, language, max_speakers)
        command = [sys.executable, "-m", "localcloud.transcribe.listener"]
        with subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_PROJECT
        ) as process:
            return _answer(process, json.dumps(asdict(asked)).encode(), stopping)

    return listen


def _answer(
    process: subprocess.Popen[bytes], sent: bytes, stopping: threading.Event
) -> Mapping[str, Any]:
    written = _output(process, sent, stopping)
    try:
        answer: Mapping[str, Any] = json.loads(written)
    except ValueError as error:
        raise TranscriptionFailed("Internal failure. Try your request again later.") from error
    if "error" in answer:
        raise TranscriptionFailed(str(answer["error"]))
    return answer


def _output(process: subprocess.Popen[bytes], sent: bytes, stopping: threading.Event) -> bytes:
    """Return what a process writes; kill it when the cloud stops."""
    given: bytes | None = sent
    while True:
        try:
            written, _ = process.communicate(given, timeout=_LOOK_S)
        except subprocess.TimeoutExpired:
            given = None
            if stopping.is_set():
                process.kill()
                raise TranscriptionInterrupted from None
        else:
            return written
