"""The local Amazon Transcribe as boto3 sees it: behind the real front door, beside the real S3."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.errors import AwsError
from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.s3.service import S3Service
from localcloud.service import CloudContext
from localcloud.transcribe.languages import identified
from localcloud.transcribe.runner import Listen, TranscriptionInterrupted
from localcloud.transcribe.service import CallRate, TranscribeService
from tests import clients
from tests.unit.inference.speech import recordings

BUCKET, KEY, OUTPUT = "media", "a/speech.wav", "a/out/one.json"
RATES = dict.fromkeys(("Start", "Get", "List", "Delete"), 1000)
PLACE = {
    "Media": {"MediaFileUri": f"s3://{BUCKET}/{KEY}"},
    "OutputBucketName": BUCKET,
    "OutputKey": OUTPUT,
}
SAID = {
    "language": "en",
    "probability": 0.97,
    "words": [
        {"text": " Hello,", "start": 0.5, "end": 0.9, "confidence": 0.99, "speaker": 0},
        {"text": " you.", "start": 1.0, "end": 1.25, "confidence": 0.5, "speaker": 0},
        {"text": " Yes?", "start": 4.0, "end": 4.5, "confidence": 0.75, "speaker": 1},
    ],
}


class FakeEar:
    """Hears what it is told, once it may."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.may = threading.Event()
        self.may.set()

    def __call__(
        self, file: Path, language: str, max_speakers: int, stopping: threading.Event
    ) -> Mapping[str, Any]:
        self.asked.append((language, max_speakers))
        assert self.may.wait(10)
        return SAID


class Cloud:
    """The two services on one address, and clients of them."""

    def __init__(self, folder: Path, listen: Listen) -> None:
        self.http = HttpServer()
        context = CloudContext(folder, self.http.url)
        self.s3_service = S3Service(context, lambda _: None)
        self.service = TranscribeService(
            context, folder, lambda name, _: self.client(name), listen=listen, rates=RATES
        )
        backends = Backends({"transcribe": (self.service,)}, None, self.s3_service, nobody)  # type: ignore[arg-type]
        self.http.start(FrontDoor(backends))
        self.service.start()
        self.transcribe, self.s3 = self.client("transcribe"), self.client("s3")

    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        return clients.client(service, endpoint_url=self.http.url, config=config)

    def ended(self, name: str) -> dict[str, Any]:
        for _ in range(600):
            job: dict[str, Any] = self.transcribe.get_transcription_job(TranscriptionJobName=name)[
                "TranscriptionJob"
            ]
            if job["TranscriptionJobStatus"] in ("COMPLETED", "FAILED"):
                return job
            time.sleep(0.06)
        raise AssertionError(job)

    def stop(self) -> None:
        self.service.stop()
        self.s3_service.stop()
        self.http.stop()


def nobody(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []


@pytest.fixture
def ear() -> FakeEar:
    return FakeEar()


@pytest.fixture
def cloud(tmp_path: Path, ear: FakeEar) -> Iterator[Cloud]:
    opened = Cloud(tmp_path, ear)
    opened.s3.create_bucket(Bucket=BUCKET)
    opened.s3.put_object(Bucket=BUCKET, Key=KEY, Body=recordings.FILE.read_bytes())
    yield opened
    opened.stop()


def refused(cloud: Cloud, **params: Any) -> tuple[str, str]:
    given = {"TranscriptionJobName": "one", "IdentifyLanguage": True, **PLACE, **params}
    given = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(ClientError) as caught:
        cloud.transcribe.start_transcription_job(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_job_should_be_queued_run_and_written_as_amazon_transcribe_does(
    cloud: Cloud, ear: FakeEar
) -> None:
    ear.may.clear()
    started = cloud.transcribe.start_transcription_job(
        TranscriptionJobName="one",
        IdentifyLanguage=True,
        MediaFormat="wav",
        Settings={"ShowSpeakerLabels": True, "MaxSpeakerLabels": 4},
        **PLACE,
    )["TranscriptionJob"]
    assert started["TranscriptionJobStatus"] in ("QUEUED", "IN_PROGRESS")
    assert "Transcript" not in started
    with pytest.raises(ClientError, match="in progress"):
        cloud.transcribe.delete_transcription_job(TranscriptionJobName="one")
    ear.may.set()
    job = cloud.ended("one")
    assert (job["TranscriptionJobStatus"], job["LanguageCode"]) == ("COMPLETED", "en-US")
    assert job["IdentifiedLanguageScore"] == pytest.approx(0.97)
    assert job["CreationTime"] <= job["StartTime"] <= job["CompletionTime"]
    assert job["Transcript"]["TranscriptFileUri"].endswith(f"/{BUCKET}/{OUTPUT}")
    assert ear.asked == [("", 4)]
    written = json.loads(cloud.s3.get_object(Bucket=BUCKET, Key=OUTPUT)["Body"].read())
    results = written["results"]
    assert written["localModel"]["name"] == "whisper-base"
    assert results["transcripts"] == [{"transcript": "Hello, you. Yes?"}]
    assert results["language_identification"] == [{"score": "0.97", "code": "en-US"}]
    assert results["items"][:2] == [
        {
            "id": 0,
            "type": "pronunciation",
            "alternatives": [{"confidence": "0.99", "content": "Hello"}],
            "start_time": "0.5",
            "end_time": "0.9",
            "speaker_label": "spk_0",
        },
        {
            "id": 1,
            "type": "punctuation",
            "alternatives": [{"confidence": "0.0", "content": ","}],
            "speaker_label": "spk_0",
        },
    ]
    turns = results["speaker_labels"]["segments"]
    assert [(turn["speaker_label"], len(turn["items"])) for turn in turns] == [
        ("spk_0", 2),
        ("spk_1", 1),
    ]
    assert [each["transcript"] for each in results["audio_segments"]] == ["Hello, you.", "Yes?"]
    found = [each["Key"] for each in cloud.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert found == ["a/out/.write_access_check_file.temp", OUTPUT, KEY]


def test_a_name_should_stay_taken_until_its_job_is_deleted(cloud: Cloud) -> None:
    params = {"TranscriptionJobName": "one", "LanguageCode": "de-DE", **PLACE}
    cloud.transcribe.start_transcription_job(**params)
    assert refused(cloud) == (
        "ConflictException",
        "The requested job name already exists. Use a different job name.",
    )
    assert cloud.ended("one")["LanguageCode"] == "de-DE"
    cloud.transcribe.delete_transcription_job(TranscriptionJobName="one")
    with pytest.raises(ClientError) as caught:
        cloud.transcribe.get_transcription_job(TranscriptionJobName="one")
    assert caught.value.response["Error"]["Code"] == "NotFoundException"
    with pytest.raises(ClientError, match="couldn't be found"):
        cloud.transcribe.delete_transcription_job(TranscriptionJobName="one")
    cloud.transcribe.start_transcription_job(**params)
    cloud.ended("one")


def test_jobs_should_be_listed_in_pages_the_newest_first(cloud: Cloud) -> None:
    for name in ("a", "b", "c"):
        cloud.transcribe.start_transcription_job(
            TranscriptionJobName=name, LanguageCode="en-US", **PLACE
        )
        cloud.ended(name)
    first = cloud.transcribe.list_transcription_jobs(MaxResults=2, Status="COMPLETED")
    rest = cloud.transcribe.list_transcription_jobs(NextToken=first["NextToken"])
    named = [
        each["TranscriptionJobName"]
        for listed in (first, rest)
        for each in listed["TranscriptionJobSummaries"]
    ]
    assert named == ["c", "b", "a"]
    assert "NextToken" not in rest
    assert (
        cloud.transcribe.list_transcription_jobs(JobNameContains="z")["TranscriptionJobSummaries"]
        == []
    )


INVALID: list[tuple[dict[str, Any], str]] = [
    (
        {"TranscriptionJobName": "a/b"},
        (
            "1 validation error detected: Value 'a/b' at 'transcriptionJobName' failed to"
            " satisfy constraint: Member must satisfy regular expression pattern:"
            " ^[0-9a-zA-Z._-]+"
        ),
    ),
    ({"MediaFormat": "aiff"}, "Member must satisfy enum value set: [mp3, mp4, wav"),
    ({"LanguageCode": "en-US"}, "exactly one of LanguageCode, IdentifyLanguage"),
    ({"IdentifyLanguage": None}, "exactly one of LanguageCode, IdentifyLanguage"),
    ({"LanguageOptions": ["en-US"]}, "two or more languages"),
    ({"LanguageOptions": ["en-US", "en-GB"]}, "one dialect of each"),
    ({"Settings": {"ShowSpeakerLabels": True}}, "MaxSpeakerLabels together"),
    ({"OutputBucketName": None}, "OutputBucketName if you specify OutputKey"),
    ({"Media": {"MediaFileUri": f"s3://{BUCKET}/none.wav"}}, "have read permission"),
    ({"OutputBucketName": "nowhere"}, "have write permission"),
    ({"Subtitles": {"Formats": ["vtt"]}}, "no Subtitles"),
    ({"Settings": {"ChannelIdentification": True}}, "no Settings.ChannelIdentification"),
    (
        {"JobExecutionSettings": {"AllowDeferredExecution": True}},
        "DataAccessRoleArn to use AllowDeferredExecution",
    ),
]


def test_a_request_that_is_not_valid_should_be_refused(cloud: Cloud, ear: FakeEar) -> None:
    for params, says in INVALID:
        code, message = refused(cloud, **params)
        assert code == "BadRequestException", params
        assert says in message, params
    assert not ear.asked


def test_media_of_another_format_should_fail_the_job_with_awss_words(cloud: Cloud) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"ID3" + bytes(64))
    cloud.transcribe.start_transcription_job(
        TranscriptionJobName="one", LanguageCode="en-US", MediaFormat="wav", **PLACE
    )
    job = cloud.ended("one")
    assert job["TranscriptionJobStatus"] == "FAILED"
    assert "does not match the detected media format" in job["FailureReason"]


def test_a_job_that_a_stop_interrupted_should_run_again(tmp_path: Path) -> None:
    class Interrupted(FakeEar):
        def __call__(
            self, file: Path, language: str, max_speakers: int, stopping: threading.Event
        ) -> Mapping[str, Any]:
            assert stopping.wait(10)
            raise TranscriptionInterrupted

    first = Cloud(tmp_path, Interrupted())
    first.s3.create_bucket(Bucket=BUCKET)
    first.s3.put_object(Bucket=BUCKET, Key=KEY, Body=recordings.FILE.read_bytes())
    first.transcribe.start_transcription_job(
        TranscriptionJobName="one", LanguageCode="en-US", **PLACE
    )
    first.stop()
    again = Cloud(tmp_path, FakeEar())
    assert again.ended("one")["TranscriptionJobStatus"] == "COMPLETED"
    again.stop()


def test_more_calls_a_second_than_the_quota_should_be_throttled() -> None:
    now = [0.0]
    rate = CallRate(2, lambda: now[0])
    rate.check()
    rate.check()
    with pytest.raises(AwsError) as caught:
        rate.check()
    assert caught.value.code == "ThrottlingException"
    now[0] = 1.0
    rate.check()


def test_the_language_should_be_the_option_of_what_was_heard() -> None:
    known = ("de-CH", "de-DE", "en-GB", "en-US", "ja-JP")
    assert identified("en", known, ()) == "en-US"
    assert identified("ja", known, ()) == "ja-JP"
    assert identified("de", known, ("en-GB", "de-CH")) == "de-CH"
    assert identified("ja", known, ("en-GB", "de-CH")) == "en-GB"
    assert identified("xx", known, ()) == ""
