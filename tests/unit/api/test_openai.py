from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from chalice.test import HTTPResponse

from chalicelib.api.openai.files import MAX_INLINE_BYTES
from chalicelib.generation.model_file import served_models
from chalicelib.generation.requirements import CallRegion
from tests.unit.api.fakes import OTHER_KEY, Api
from tests.unit.openai.fakes import WRITTEN

LINES = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
JOB = "01M8C3T598W442DVHB7FAVWKYV"


def send(api: Api, content: bytes = LINES, name: str = "calls.jsonl", **form: str) -> HTTPResponse:
    request = httpx.Request(
        "POST",
        "http://here",
        data={"purpose": "batch", **form},
        files={"file": (name, content, "application/jsonl")},
    )
    return api.call(
        "POST", "/v1/files", request.read(), content_type=request.headers["content-type"]
    )


def refusal(response: HTTPResponse) -> dict[str, Any]:
    error: dict[str, Any] = response.json_body["error"]
    assert set(error) == {"message", "type", "param", "code", "field", "limit", "request_id"}
    assert error["request_id"]
    return error


def test_should_list_the_models_that_can_be_asked_and_auto() -> None:
    told = Api().call("GET", "/v1/models").json_body
    names = [model["id"] for model in told["data"]]
    assert told["object"] == "list"
    assert names[0] == "auto"
    assert "nova-micro" in names
    assert len(set(names)) == len(names)
    micro = next(model for model in told["data"] if model["id"] == "nova-micro")
    assert (micro["owned_by"], micro["task"], micro["tier"]) == ("Amazon", "chat", 1)
    assert sum(model["created"] > 0 for model in told["data"]) >= 5
    assert "streams" in micro["abilities"]


def test_should_show_list_prices_of_what_a_model_is_billed_by() -> None:
    found = {each["id"]: each for each in Api().call("GET", "/v1/models").json_body["data"]}
    text, vectors, own = (
        {name: price and float(price) for name, price in found[each]["prices"].items()}
        for each in ("nova-micro", "titan-embed-text-v2", "digits-gan")
    )
    billed = {"million_tokens_in": 0.035, "million_tokens_out": 0.14}
    assert text == {**billed, "image": None, "audio_minute": None}
    assert (vectors["million_tokens_in"], vectors["million_tokens_out"]) == (0.02, None)
    assert set(own.values()) == {None}
    assert float(found["amazon-transcribe"]["prices"]["audio_minute"]) == 0.024
    assert found["auto"]["prices"] is None


def test_should_show_one_model_and_say_which_there_are_in_place_of_another() -> None:
    api = Api()
    assert api.call("GET", "/v1/models/nova-micro").json_body["id"] == "nova-micro"
    assert api.call("GET", "/v1/models/gpt-4o-mini").json_body["id"] == "nova-lite"
    answer = api.call("GET", "/v1/models/gpt-nobody")
    error = refusal(answer)
    assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "nova-micro" in error["message"]


def test_should_show_a_tenant_only_the_models_that_it_may_use() -> None:
    api = Api()
    api.models_allowed["acme"] = frozenset({"nova-micro"})
    told = api.call("GET", "/v1/models").json_body["data"]
    assert [model["id"] for model in told] == ["auto", "nova-micro"]
    answer = api.call("GET", "/v1/models/nova-lite")
    assert answer.status_code == 404
    assert answer.json_body["error"]["message"].endswith("There are: nova-micro.")


def test_should_hide_models_that_cannot_be_asked_from_here() -> None:
    names = {model["id"] for model in Api().call("GET", "/v1/models").json_body["data"]}
    place = CallRegion("us-east-1")
    for model in served_models().models.values():
        if model.name in names:
            assert place.route(model) is not None
    assert len(names) > 10


def test_should_keep_a_file_show_it_and_give_it_back() -> None:
    api = Api()
    made = send(api, name="d:\\my calls/ä.jsonl").json_body
    assert made["id"].startswith("file-")
    assert (made["object"], made["purpose"], made["status"]) == ("file", "batch", "processed")
    assert (made["filename"], made["bytes"]) == ("ä.jsonl", len(LINES))
    assert made["expires_at"] - made["created_at"] == 7 * 86_400
    shown = api.call("GET", f"/v1/files/{made['id']}").json_body
    assert shown == {
        **made,
        "created_at": int(WRITTEN.timestamp()),
        "expires_at": shown["expires_at"],
    }
    content = api.call("GET", f"/v1/files/{made['id']}/content")
    assert (content.body, content.headers["Content-Type"]) == (LINES, "application/jsonl")
    assert list(api.stored.bodies) == [f"jobs/acme/files/{made['id']}/batch/%C3%A4.jsonl"]


def test_should_send_who_wants_a_larger_file_to_where_it_lies() -> None:
    api = Api()
    made = send(api, b"x" * (MAX_INLINE_BYTES + 1)).json_body
    answer = api.call("GET", f"/v1/files/{made['id']}/content")
    assert answer.status_code == 302
    assert made["id"] in answer.headers["Location"]


def test_should_page_through_files_in_both_orders() -> None:
    api = Api()
    ids = [send(api, name=f"{n}.jsonl").json_body["id"] for n in range(5)]
    stored = sorted(ids)
    first = api.call("GET", "/v1/files?limit=2&order=asc").json_body
    assert [file["id"] for file in first["data"]] == stored[:2]
    assert (first["has_more"], first["first_id"], first["last_id"]) == (True, *stored[:2])
    rest = api.call("GET", f"/v1/files?order=asc&after={stored[1]}&purpose=batch").json_body
    assert [file["id"] for file in rest["data"]] == stored[2:]
    assert rest["has_more"] is False
    newest = api.call("GET", "/v1/files").json_body
    assert [file["id"] for file in newest["data"]] == stored[::-1]


def test_should_remove_a_file_once() -> None:
    api = Api()
    made = send(api).json_body
    path = f"/v1/files/{made['id']}"
    assert api.call("DELETE", path).json_body == {
        "id": made["id"],
        "object": "file",
        "deleted": True,
    }
    assert api.stored.bodies == {}
    assert api.call("DELETE", path).status_code == 404
    assert api.call("GET", path).status_code == 404


def test_should_give_what_a_batch_gave_and_leave_it() -> None:
    api = Api()
    api.stored.write(f"jobs/acme/{JOB}/results.jsonl", LINES)
    file_id = f"file-{JOB}-results"
    shown = api.call("GET", f"/v1/files/{file_id}").json_body
    assert (shown["purpose"], shown["filename"]) == ("batch_output", "results.jsonl")
    assert api.call("GET", f"/v1/files/{file_id}/content").body == LINES
    assert refusal(api.call("DELETE", f"/v1/files/{file_id}"))["param"] == "file_id"
    assert refusal(api.call("GET", f"/v1/files/file-{JOB}-errors"))["code"] == "not_found"
    assert api.call("GET", "/v1/files").json_body["data"] == []


def test_should_show_no_tenant_the_files_of_another() -> None:
    api = Api()
    made = send(api).json_body
    path = f"/v1/files/{made['id']}"
    for method, where in (("GET", path), ("GET", f"{path}/content"), ("DELETE", path)):
        assert api.call(method, where, key=OTHER_KEY).status_code == 404
    assert api.call("GET", "/v1/files", key=OTHER_KEY).json_body["data"] == []
    assert len(api.stored.bodies) == 1


@pytest.mark.parametrize(
    ("form", "content", "name", "param"),
    [
        ({"purpose": "assistants"}, LINES, "a.jsonl", "purpose"),
        ({}, b" \n", "a.jsonl", "file"),
        ({}, b"\xff\xfe", "a.jsonl", "file"),
        ({}, LINES, "a" * 201, "file"),
        ({}, LINES, "a/", "file"),
    ],
)
def test_should_refuse_a_file_that_no_batch_can_read(
    form: dict[str, str], content: bytes, name: str, param: str
) -> None:
    api = Api()
    answer = send(api, content, name, **form)
    assert (answer.status_code, refusal(answer)["param"]) == (400, param)
    assert api.stored.bodies == {}


def test_should_refuse_what_is_no_form_and_a_form_that_lacks_a_field() -> None:
    api = Api()
    form = "multipart/form-data; boundary=X"
    assert refusal(api.call("POST", "/v1/files", b"{}", content_type=form))["param"] == "body"
    lacking = b'--X\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--X--'
    assert refusal(api.call("POST", "/v1/files", lacking, content_type=form))["param"] == "file"
    json_body = json.dumps({"purpose": "batch"}).encode()
    refused = api.call("POST", "/v1/files", json_body)
    assert refused.status_code == 415
    error = refused.json_body["error"]
    assert error["field"] == "Content-Type"
    assert "send Content-Type: multipart/form-data" in error["message"]


@pytest.mark.parametrize(
    "query", ["order=up", "limit=0", "after=file-none", "purpose=vision", "x=1"]
)
def test_should_refuse_a_wrong_page_by_name(query: str) -> None:
    answer = Api().call("GET", f"/v1/files?{query}")
    assert (answer.status_code, refusal(answer)["param"]) == (400, query.partition("=")[0])
