"""Attacks by a web page, or a program with no key, on the front door: nothing comes of them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.frontdoor.loopback import LoopbackOnly
from localcloud.iam.credentials import CredentialStore
from localcloud.iam.guard import AccessGuard, AccountPolicies
from localcloud.iam.ledger import Ledger
from localcloud.iam.resources import AccountResources
from localcloud.moto.engine import MotoEngine
from localcloud.s3.service import S3Service
from localcloud.service import CloudContext
from localcloud.wsgi import Environ, StartResponse
from tests.signing import signed_headers

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CREATE_USER = {"Action": "CreateUser", "Version": "2010-05-08", "UserName": "mallory"}
BROKEN_SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request"


class Door:
    """A front door with moto and S3 behind it, whose guard checks every signature."""

    def __init__(self, folder: Path) -> None:
        self._http = HttpServer()
        self.url = self._http.url
        context = CloudContext(folder, self.url)
        self._moto = MotoEngine(context)
        self._callers, self._ledger = CredentialStore(folder), Ledger(folder)
        account = AccountPolicies(
            AccountResources("us-east-1", "000000000000"), self._moto.role_policies
        )
        self._guard = AccessGuard(account, self._callers, self._ledger)
        self._s3 = S3Service(context, lambda event: None, guard=self._guard)
        backends = Backends({}, self._moto, self._s3, _answer_api)
        self._http.start(LoopbackOnly(FrontDoor(backends, self._guard)))

    def stop(self) -> None:
        self._http.stop()
        self._s3.stop()
        self._moto.close()
        self._ledger.stop()
        self._callers.close()

    def signed(self, form: dict[str, str] | str, **how: Any) -> httpx.Response:
        """Post a form to IAM, signed as boto3 does."""
        body = (form if isinstance(form, str) else urlencode(form)).encode()
        headers = signed_headers("iam", self.url + "/", body, FORM, **how)
        return httpx.post(self.url + "/", content=body, headers=headers)

    def users(self) -> str:
        answer = self.signed({"Action": "ListUsers", "Version": "2010-05-08"})
        assert answer.status_code == 200
        return answer.text


def _answer_api(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("403 Forbidden", [("Content-Length", "0")])
    return [b""]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    door = Door(tmp_path_factory.mktemp("attacks"))
    yield door
    door.stop()


def test_an_image_tag_should_do_nothing(door: Door) -> None:
    """Query credentials need no header, so that an image's address can carry them."""
    query = CREATE_USER | {"X-Amz-Credential": "test/20260101/us-east-1/iam/aws4_request"}
    for extra in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = httpx.get(door.url + "/", params=query, headers=extra)
        assert answer.status_code == 403
    assert "mallory" not in door.users()


def test_a_signed_query_should_reach_s3_alone(door: Door) -> None:
    request = AWSRequest("GET", f"{door.url}/?{urlencode(CREATE_USER)}")
    SigV4QueryAuth(Credentials("test", "test"), "iam", "us-east-1").add_auth(request)
    answer = httpx.get(str(request.url))
    assert (answer.status_code, "in a query for S3 only" in answer.text) == (403, True)
    assert "mallory" not in door.users()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "rebound.evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Sec-Fetch-Site": "cross-site"},
        {},
        {"Authorization": BROKEN_SCOPE},
        {"Authorization": f"{BROKEN_SCOPE}, SignedHeaders=host, Signature={'0' * 64}"},
    ],
)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_pages_simple_post_should_do_nothing(
    door: Door, headers: dict[str, str], media_type: str
) -> None:
    answer = httpx.post(
        door.url + "/",
        content=urlencode(CREATE_USER),
        headers={"Content-Type": media_type} | headers,
    )
    assert answer.status_code in (400, 403)
    assert "mallory" not in door.users()


def test_a_wrong_secret_should_be_refused_in_the_services_own_format(door: Door) -> None:
    answer = door.signed(CREATE_USER, secret="guessed")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/xml")
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
    target = {"X-Amz-Target": "AmazonSSM.DescribeParameters"}
    headers = signed_headers("ssm", door.url, b"{}", target, secret="guessed")
    told = httpx.post(door.url, content=b"{}", headers=headers)
    assert (told.status_code, told.json()["__type"]) == (403, "InvalidSignatureException")
    bucket = f"{door.url}/bucket"
    headers = signed_headers("s3", bucket, method="PUT", secret="guessed")
    refused = httpx.put(bucket, headers=headers)
    assert (refused.status_code, "<Error><Code>SignatureDoesNotMatch" in refused.text) == (
        403,
        True,
    )
    assert httpx.put(bucket, headers=signed_headers("s3", bucket, method="PUT")).status_code == 200


def test_what_was_not_signed_should_not_be_taken(door: Door) -> None:
    """A signature covers method, path, query, body, and every x-amz- header."""
    body = urlencode(CREATE_USER).encode()
    headers = signed_headers("iam", door.url + "/", body, FORM)
    changed = [
        httpx.post(door.url + "/", content=body + b"&Path=/x/", headers=headers),
        httpx.post(door.url + "/x", content=body, headers=headers),
        httpx.post(door.url + "/?Action=DeleteUser", content=body, headers=headers),
        httpx.put(door.url + "/", content=body, headers=headers),
        httpx.post(door.url + "/", content=body, headers=headers | {"X-Amz-Target": "A.B"}),
    ]
    assert {answer.status_code for answer in changed} == {403}
    late = datetime.now(UTC) - timedelta(minutes=6)
    stale = headers | {"X-Amz-Date": late.strftime("%Y%m%dT%H%M%SZ")}
    expired = httpx.post(door.url + "/", content=body, headers=stale)
    assert (expired.status_code, "Signature expired" in expired.text) == (403, True)
    assert "mallory" not in door.users()


@pytest.mark.parametrize(
    "form",
    [
        "Action=ListUsers&Version=2010-05-08&Action=CreateUser&UserName=mallory",
        "Version=2010-05-08&UserName=mallory",
        "Action=&UserName=mallory&Version=2010-05-08",
        "Action=Mallory&Version=2010-05-08",
    ],
)
def test_a_call_should_name_one_operation(door: Door, form: str) -> None:
    """Permissions are decided on the operation that is then run."""
    answer = door.signed(form)
    assert (answer.status_code, "Action" in answer.text) == (400, True)
    assert "mallory" not in door.users()


def test_an_operation_should_not_be_named_in_a_second_place(door: Door) -> None:
    """moto takes Action from a query before it reads the body, and a target before neither."""
    body = b"Action=ListUsers&Version=2010-05-08"
    queried = f"{door.url}/?{urlencode(CREATE_USER)}"
    answers = [
        httpx.post(queried, content=body, headers=signed_headers("iam", queried, body, FORM)),
        httpx.get(queried, headers=signed_headers("iam", queried, method="GET")),
    ]
    for extra in (
        {"X-Amz-Target": "IAM.CreateUser"},
        {"smithy-protocol": "rpc-v2-cbor"},
    ):
        headers = signed_headers("iam", door.url + "/", body, FORM | extra)
        answers.append(httpx.post(door.url + "/", content=body, headers=headers))
    assert {answer.status_code for answer in answers} == {400}
    assert "mallory" not in door.users()


@pytest.mark.parametrize("scope", ["execute-api", "s3"])
def test_s3_should_take_no_header_that_was_not_verified(door: Door, scope: str) -> None:
    """The API verifies its own signatures, and S3 trusts the front door with those of headers."""
    credential = f"Credential=test/{datetime.now(UTC):%Y%m%d}/us-east-1/{scope}/aws4_request"
    claims = (
        f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature={'0' * 64}",
        f"AWS4-HMAC-SHA256 {credential}",
    )
    for path in ("/", "/v1/key"):
        for claim in claims:
            headers = {"Authorization": claim, "Host": "stolen.localhost"}
            answer = httpx.put(door.url + path, headers=headers)
            assert answer.status_code == 403, (path, claim, answer.text)
    form = {"Authorization": claims[0], "Content-Type": "multipart/form-data; boundary=x"}
    assert httpx.post(f"{door.url}/stolen", headers=form).status_code == 403
