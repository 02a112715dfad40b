"""Pages of the origins that a stage names send files to its bucket, and fetch what it made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from localcloud.composition import run_cloud
from tests.architecture.templates import plain
from tests.cloud import PROJECT

HERE, THERE = "http://localhost:3000", "http://127.0.0.1:5173"
ELSEWHERE = "http://localhost:9999"
"""Pages of this machine, as all that the local cloud lets near its services are."""
ALLOWED = "access-control-allow-origin"


@contextmanager
def stage(data: Path, origins: str) -> Iterator[tuple[Any, str]]:
    """Run the stage with its `AllowedOrigins`; yields its S3 and the bucket of documents."""
    values = {"Stage": "local", "Architecture": "x86_64", "AllowedOrigins": origins}
    with run_cloud(data, plain("local"), values, PROJECT, 0) as (cloud, outputs):
        yield cloud.client("s3"), outputs["DocumentsBucketName"]


def sent(s3: Any, bucket: str, origin: str) -> httpx.Response:
    """Upload by a form that was signed before, as a page of `origin` does."""
    form = s3.generate_presigned_post(bucket, "inbox/t/default/a.md")
    files = {"file": ("a.md", b"# A\n")}
    return httpx.post(form["url"], data=form["fields"], files=files, headers={"Origin": origin})


def fetched(s3: Any, bucket: str, origin: str) -> httpx.Response:
    """Fetch an object by an address that was signed before, as a page of `origin` does."""
    where = {"Bucket": bucket, "Key": "jobs/made"}
    s3.put_object(**where, Body=b"made")
    url = s3.generate_presigned_url("get_object", where)
    return httpx.get(url, headers={"Origin": origin})


def asked(s3: Any, bucket: str, origin: str, method: str) -> httpx.Response:
    """Ask beforehand, as a browser does of a request that is not simple."""
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "jobs/made"})
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "range, x-made-up",
    }
    return httpx.options(url, headers=headers)


def test_should_let_pages_of_every_named_origin_send_and_fetch(tmp_path: Path) -> None:
    with stage(tmp_path, f"{HERE},{THERE}") as (s3, bucket):
        for origin in (HERE, THERE):
            for answer in (sent(s3, bucket, origin), fetched(s3, bucket, origin)):
                assert answer.is_success
                assert answer.headers[ALLOWED] == origin
                assert answer.headers["access-control-expose-headers"] == "ETag"
                assert "Origin" in answer.headers["vary"]
            for method in ("GET", "HEAD", "POST"):
                answer = asked(s3, bucket, origin, method)
                assert (answer.status_code, answer.headers[ALLOWED]) == (200, origin)
                assert answer.headers["access-control-allow-headers"] == "range, x-made-up"
                assert answer.headers["access-control-max-age"] == "7200"
        assert fetched(s3, bucket, HERE).content == b"made"
        assert asked(s3, bucket, HERE, "DELETE").status_code == 403
        for answer in (sent(s3, bucket, ELSEWHERE), fetched(s3, bucket, ELSEWHERE)):
            assert answer.is_success, "who may is decided by the signature alone"
            assert ALLOWED not in answer.headers
        assert asked(s3, bucket, ELSEWHERE, "GET").status_code == 403


def test_should_follow_the_parameter_when_it_changes(tmp_path: Path) -> None:
    with stage(tmp_path, HERE) as (s3, bucket):
        assert fetched(s3, bucket, HERE).headers[ALLOWED] == HERE
    for origins, told in (("*", "*"), ("none", None)):
        with stage(tmp_path, origins) as (s3, bucket):
            answers = [sent(s3, bucket, HERE), fetched(s3, bucket, HERE)]
            assert [answer.headers.get(ALLOWED) for answer in answers] == [told, told]
            assert asked(s3, bucket, HERE, "GET").status_code == (200 if told else 403)
