from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from chalicelib.adapters.aws import CONFIG, translated
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    NotFound,
    Throttled,
    Transient,
)


def aws_error(code: str, status: int) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchKey", 404, NotFound),
        ("404", 404, NotFound),
        ("ResourceNotFoundException", 400, NotFound),
        ("ConditionalCheckFailedException", 400, Conflict),
        ("ExecutionAlreadyExists", 400, Conflict),
        ("ThrottlingException", 400, Throttled),
        ("SlowDown", 503, Throttled),
        ("Anything", 429, Throttled),
        ("ValidationException", 400, InvalidInput),
        ("InternalServerError", 500, Transient),
        ("ServiceUnavailable", 503, Transient),
        ("AccessDenied", 403, HeadraceError),
    ],
)
def test_aws_s_errors_are_told_in_our_words(
    code: str, status: int, kind: type[HeadraceError]
) -> None:
    cause = aws_error(code, status)
    with (
        pytest.raises(HeadraceError, match=f"reading a thing.*{code}") as raised,
        translated("reading a thing"),
    ):
        raise cause
    assert type(raised.value) is kind
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        (EndpointConnectionError(endpoint_url="http://x"), Transient),
        (ConnectTimeoutError(endpoint_url="http://x"), Transient),
        (ReadTimeoutError(endpoint_url="http://x"), Transient),
        (ParamValidationError(report="no"), InvalidInput),
        (NoCredentialsError(), HeadraceError),
    ],
)
def test_so_are_the_client_s_own(cause: Exception, kind: type[HeadraceError]) -> None:
    with pytest.raises(HeadraceError) as raised, translated("calling"):
        raise cause
    assert type(raised.value) is kind


def test_every_call_has_a_deadline_and_a_last_attempt() -> None:
    config: Any = CONFIG
    assert config.connect_timeout <= 5
    assert config.read_timeout <= 30
    assert config.retries["total_max_attempts"] <= 5
