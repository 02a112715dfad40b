"""`recognise_pages` as it is deployed: a worker process of the local cloud."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from chalicelib.contracts.ingest import Page, RecogniseRequest, RecogniseResult
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.retrieval.ids import pages_key, version_prefix, words_key
from tests.cloud import CloudProcess
from tests.data.formats import make_pdfs

FUNCTION = "headrace-local-recognise-pages"


@pytest.fixture
def request_(cloud: CloudProcess) -> RecogniseRequest:
    """A version of a document whose second and fourth page are pictures."""
    request = RecogniseRequest(
        tenant="local",
        document_id=f"doc_{uuid.uuid4().hex[:24]}",
        version=f"v_{uuid.uuid4().hex[:24]}",
        bucket=cloud.outputs["DocumentsBucketName"],
        correlation_id=uuid.uuid4().hex,
        pages=4,
        recognise=(2, 4),
    )
    place = (request.tenant, request.document_id, request.version)
    texts = ["The first page is text.", "", "The third page is text, too.", ""]
    lines = dump_lines(Page(page=number, text=text) for number, text in enumerate(texts, 1))
    words = dump_lines(PageWords(page=n, width=595.3, height=841.9) for n in range(1, 5))
    for key, body in (
        (version_prefix(*place) + "source", make_pdfs.mixed()),
        (pages_key(*place), lines),
        (words_key(*place), words),
    ):
        cloud.client("s3").put_object(Bucket=request.bucket, Key=key, Body=body)
    return request


def test_pages_that_were_scanned_are_filled_where_they_lie(
    cloud: CloudProcess, request_: RecogniseRequest
) -> None:
    answer = invoke(cloud, request_)
    result = RecogniseResult.model_validate(answer)
    assert (result.recognised, result.still_empty, result.remaining) == (2, (), ())
    assert (result.images, result.model) == (2, "rapidocr-ppocrv6-small")
    assert 0 < result.recognising.seconds < result.recognising.gb_seconds
    place = (request_.tenant, request_.document_id, request_.version)
    body = cloud.client("s3").get_object(Bucket=request_.bucket, Key=pages_key(*place))
    pages = parse_lines(body["Body"].read(), Page, 4)
    assert "second came on the twenty-third" in " ".join(pages[1].text.split())
    assert "| Grease, 5 kg tins | 4 | 38.20 | 152.80 |" in pages[3].text
    assert [pages[at].text for at in (0, 2)] == [
        "The first page is text.",
        "The third page is text, too.",
    ]
    kept = cloud.client("s3").get_object(Bucket=request_.bucket, Key=words_key(*place))
    found = parse_lines(kept["Body"].read(), PageWords, 4)
    assert [each.recognised for each in found] == [False, True, False, True]
    row = [
        (word.top + word.bottom) / 2
        for word in found[3].words or ()
        if pages[3].text[word.start : word.end] in ("Grease,", "38.20", "152.80")
    ]
    assert len(row) == 3
    assert max(row) - min(row) < 12
    assert result.characters == sum(len(page.text) for page in pages)


def test_a_version_without_words_is_recognised_all_the_same(
    cloud: CloudProcess, request_: RecogniseRequest
) -> None:
    words = words_key(request_.tenant, request_.document_id, request_.version)
    cloud.client("s3").delete_object(Bucket=request_.bucket, Key=words)
    answer = invoke(cloud, request_.model_copy(update={"recognise": (2,)}))
    assert RecogniseResult.model_validate(answer).recognised == 1


def test_a_page_that_is_not_there_fails_by_its_error_s_name(
    cloud: CloudProcess, request_: RecogniseRequest
) -> None:
    answer = invoke(cloud, request_.model_copy(update={"recognise": (9,)}))
    assert answer["errorType"] == "Conflict"


def invoke(cloud: CloudProcess, request: RecogniseRequest) -> dict[str, Any]:
    answer = cloud.client("lambda").invoke(
        FunctionName=FUNCTION, Payload=request.model_dump_json().encode()
    )
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    return body
