"""Checks of StartTranscriptionJob that its model does not have.

https://docs.aws.amazon.com/transcribe/latest/APIReference/API_StartTranscriptionJob.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.errors import AwsError
from localcloud.iam.service_roles import require_service_role
from localcloud.service import Params

ClientFactory = Callable[[str, str], Any]
"""Returns a client by a service's botocore name and a role's ARN ("" for the administrator)."""
PRINCIPAL = "transcribe.amazonaws.com"
WRITE_CHECK = ".write_access_check_file.temp"
"""The object by which Transcribe tries whether it may write; it stays there."""
MIN_LANGUAGE_OPTIONS = 2
_UNSUPPORTED = (
    "ModelSettings",
    "ContentRedaction",
    "IdentifyMultipleLanguages",
    "Subtitles",
    "Tags",
    "LanguageIdSettings",
    "ToxicityDetection",
    "OutputEncryptionKMSKeyId",
    "KMSEncryptionContext",
)
_UNSUPPORTED_SETTINGS = (
    "VocabularyName",
    "VocabularyFilterName",
    "VocabularyFilterMethod",
    "ChannelIdentification",
    "ShowAlternatives",
)
_S3_URI = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """A bucket and a key in S3."""

    bucket: str
    key: str


def bad_request(message: str) -> AwsError:
    """Return the error for a request that is not valid."""
    return AwsError("BadRequestException", message)


def media_place(params: Params) -> ObjectPlace:
    """Return where the media of a job lies. Raises BadRequestException."""
    uri = params["Media"].get("MediaFileUri")
    found = _S3_URI.fullmatch(uri or "")
    if found is None:
        raise bad_request("The local cloud reads Media.MediaFileUri of the form s3://bucket/key.")
    return ObjectPlace(found["bucket"], found["key"])


def output_place(params: Params) -> ObjectPlace:
    """Return where the transcript of a job is written: a key that ends in `/` is a folder."""
    name = f"{params['TranscriptionJobName']}.json"
    key = params.get("OutputKey", "")
    if not key or key.endswith("/"):
        key += name
    elif not key.endswith(".json"):
        key += ".json"
    return ObjectPlace(params["OutputBucketName"], key)


def check_request(params: Params) -> None:
    """Raise BadRequestException for parameters that contradict each other or are not here."""
    settings = params.get("Settings", {})
    given = [name for name in _UNSUPPORTED if params.get(name)]
    given += [f"Settings.{name}" for name in _UNSUPPORTED_SETTINGS if settings.get(name)]
    if given:
        raise bad_request(f"The local cloud has no {given[0]}; leave it out.")
    _check_language(params)
    if bool(settings.get("ShowSpeakerLabels")) != ("MaxSpeakerLabels" in settings):
        raise bad_request(
            "Specify ShowSpeakerLabels as true and MaxSpeakerLabels together, or neither of them."
        )
    if "OutputKey" in params and "OutputBucketName" not in params:
        raise bad_request("You must specify OutputBucketName if you specify OutputKey.")
    if "OutputBucketName" not in params:
        raise bad_request(
            "The local cloud has no bucket of the service's own; give OutputBucketName."
        )
    media_place(params)
    execution = params.get("JobExecutionSettings", {})
    if execution.get("AllowDeferredExecution") and "DataAccessRoleArn" not in execution:
        raise bad_request("You must specify DataAccessRoleArn to use AllowDeferredExecution.")


def _check_language(params: Params) -> None:
    if bool(params.get("LanguageCode")) == bool(params.get("IdentifyLanguage")):
        raise bad_request(
            "You must specify exactly one of LanguageCode, IdentifyLanguage and"
            " IdentifyMultipleLanguages."
        )
    options = params.get("LanguageOptions")
    if options is None:
        return
    if not params.get("IdentifyLanguage"):
        raise bad_request("You can specify LanguageOptions only with IdentifyLanguage.")
    languages = {code.partition("-")[0] for code in options}
    if len(options) < MIN_LANGUAGE_OPTIONS or len(languages) != len(options):
        raise bad_request(
            "LanguageOptions must name two or more languages, and one dialect of each."
        )


def data_access_role(params: Params, caller: str) -> str:
    """Return the role whose rights a job has: its own one, or that of who starts it."""
    return str(params.get("JobExecutionSettings", {}).get("DataAccessRoleArn") or caller)


def check_access(params: Params, role: str, clients: ClientFactory) -> None:
    """Read the media's head and write the check object, as the job's role.

    Raises:
        AwsError: BadRequestException if the role may not, or cannot be assumed.
    """
    if "DataAccessRoleArn" in params.get("JobExecutionSettings", {}):
        refusal = f"The role {role} can't be assumed: its trust policy must name {PRINCIPAL}."
        try:
            require_service_role(clients, role, PRINCIPAL, refusal)
        except AwsError as error:
            raise bad_request(error.message) from error
    s3 = clients("s3", role)
    media, output = media_place(params), output_place(params)
    try:
        s3.head_object(Bucket=media.bucket, Key=media.key)
    except (ClientError, BotoCoreError) as error:
        raise bad_request(
            "The S3 URI that you provided can't be accessed. Make sure that you have read"
            " permission and try your request again."
        ) from error
    folder = output.key.rpartition("/")[0]
    key = f"{folder}/{WRITE_CHECK}" if folder else WRITE_CHECK
    try:
        s3.put_object(Bucket=output.bucket, Key=key, Body=b"")
    except (ClientError, BotoCoreError) as error:
        raise bad_request(
            "The specified S3 bucket can't be accessed. Make sure that you have write permission"
            " and try your request again."
        ) from error
