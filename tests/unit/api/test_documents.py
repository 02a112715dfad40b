from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.api import document_queries
from chalicelib.api.cursors import write_cursor
from chalicelib.errors import HeadraceError, Throttled, Transient
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import NOW, document
from tests.unit.ingest.examples import version


def test_should_answer_where_to_upload() -> None:
    api = Api()
    response = api.call("POST", "/v1/documents", {"path": "a/b.txt", "bytes": 10})
    assert response.status_code == 201
    body = response.json_body
    assert body["document_id"] == document("a/b.txt").document_id
    assert body["upload"]["fields"]["key"] == "inbox/acme/default/a/b.txt"
    assert body["expires_at"] == "2026-01-02T03:19:05Z"
    assert api.signed[0]["max_bytes"] == 1000


def test_should_hand_the_request_id_on_with_the_upload() -> None:
    api = Api()
    api.call("POST", "/v1/documents", {"path": "b.txt", "bytes": 10})
    assert list(api.signed[0]["metadata"]) == ["correlation-id"]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("change", "field", "limit"),
    [
        ({"bytes": 1001}, "bytes", "1000"),
        ({"bytes": 0}, "bytes", "1"),
        ({"bytes": "10"}, "bytes", None),
        ({"bytes": True}, "bytes", None),
        ({"path": ""}, "path", "1"),
        ({"path": "x" * 513}, "path", "512"),
        ({"path": "../x"}, "path", None),
        ({"path": "/x"}, "path", None),
        ({"path": "a//x"}, "path", None),
        ({"path": "notes/${filename}"}, "path", None),
        ({"path": "${x"}, "path", None),
        ({"path": "a\n"}, "path", None),
        ({"path": "ü" * 500}, "path", "800"),
        ({"collection": "Not this"}, "collection", None),
        ({"collection": "a\n"}, "collection", None),
        ({"media_type": "not a type"}, "media_type", None),
        ({"media_type": "text/plain\n"}, "media_type", None),
        ({"media_type": "text/" + "x" * 300}, "media_type", "255"),
        ({"colour": "red"}, "colour", None),
    ],
)
def test_should_name_the_field_and_the_limit_of_a_wrong_body(
    change: dict[str, object], field: str, limit: str | None
) -> None:
    body = {"path": "a.txt", "bytes": 10} | change
    response = Api().call("POST", "/v1/documents", body)
    error = error_of(response)
    assert response.status_code == 400
    assert (error["type"], error["field"], error["limit"]) == ("InvalidInput", field, limit)


@pytest.mark.parametrize(
    "body", [None, b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"path": "\\ud800"}']
)
def test_should_refuse_a_body_that_is_no_object(body: bytes | None) -> None:
    response = Api().call("POST", "/v1/documents", body)
    assert response.status_code == 400
    assert error_of(response)["type"] == "InvalidInput"


@pytest.mark.parametrize("media_type", [None, "text/plain", 'text/html; charset="utf-8"'])
def test_should_take_a_media_type(media_type: str | None) -> None:
    body = {"path": "a.txt", "bytes": 10, "media_type": media_type}
    assert Api().call("POST", "/v1/documents", body).status_code == 201


@pytest.mark.parametrize(
    "raw", [b"caf\xe9.txt", "caf\N{REPLACEMENT CHARACTER}.txt".encode()], ids=["raw", "replaced"]
)
def test_should_refuse_bytes_that_are_no_utf8_also_where_the_gateway_replaced_them(
    raw: bytes,
) -> None:
    response = Api().call("POST", "/v1/documents", b'{"bytes": 10, "path": "' + raw + b'"}')
    assert response.status_code == 400
    assert error_of(response)["field"] == "body"


def test_should_take_a_replacement_character_that_is_escaped() -> None:
    body = rb'{"bytes": 10, "path": "caf\ufffd.txt"}'
    assert Api().call("POST", "/v1/documents", body).status_code == 201


def test_should_say_in_the_same_words_what_a_collection_is_called() -> None:
    api = Api()
    body = {"path": "a.txt", "bytes": 10, "collection": "../x"}
    told = error_of(api.call("POST", "/v1/documents", body))["message"]
    assert told.startswith("collection: a collection's name has 1 to 63 lower-case letters")
    assert error_of(api.call("GET", "/v1/documents?collection=../x"))["message"] == told


def test_should_name_a_missing_field() -> None:
    error = error_of(Api().call("POST", "/v1/documents", {"path": "a.txt"}))
    assert (error["field"], error["message"]) == ("bytes", "The field 'bytes' is required.")


def test_should_show_a_document_to_its_tenant_only() -> None:
    api = Api()
    mine = document("a.txt")
    api.records.add(mine)
    path = f"/v1/documents/{mine.document_id}"
    assert api.call("GET", path).json_body["path"] == "a.txt"
    stranger = api.call("GET", path, key=OTHER_KEY)
    assert stranger.status_code == 404
    assert error_of(stranger)["type"] == "NotFound"
    assert api.call("DELETE", path, key=OTHER_KEY).status_code == 404


def test_should_tell_what_the_model_makes_of_a_document_s_language() -> None:
    api = Api()
    german = document("de.txt", language="de", notices=("Read with care.",))
    api.records.add(german, document("en.txt", language="en"), document("none.txt"))
    shown = api.call("GET", f"/v1/documents/{german.document_id}").json_body
    assert shown["notices"] == ["Read with care.", "acme: de"]
    listed = api.call("GET", "/v1/documents").json_body["items"]
    assert {item["path"]: item["notices"] for item in listed} == {
        "de.txt": ["Read with care.", "acme: de"],
        "en.txt": [],
        "none.txt": [],
    }


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({"parts": 8, "parts_read": 3}, ("reading", 3, 8)),
        (
            {"parts": 8, "parts_read": 8, "embedding_parts": 5, "parts_embedded": 2},
            ("embedding", 2, 5),
        ),
        ({}, None),
    ],
    ids=["reading", "embedding", "in one piece"],
)
def test_should_show_how_far_a_large_document_is(
    parts: dict[str, int], shown: tuple[str, int, int] | None
) -> None:
    api = Api()
    mine = document("a.csv", status="processing", latest_version="v_2")
    api.records.add(mine)
    place = ("acme", mine.document_id, "v_2")
    api.records.uploads[place] = version("v_2", status="processing", **parts)
    progress = api.call("GET", f"/v1/documents/{mine.document_id}").json_body["progress"]
    assert (progress and tuple(progress.values())) == shown


def test_should_delete_a_document() -> None:
    api = Api()
    mine = document("a.txt")
    api.records.add(mine)
    path = f"/v1/documents/{mine.document_id}"
    answer = api.call("DELETE", path)
    assert answer.status_code == 200
    told = answer.json_body
    assert told["document_id"] == mine.document_id
    assert told["removed"] == {"objects": 3, "vectors": 2, "records": 2}
    assert {backup["days"] for backup in told["backups"]} >= {0, 35}
    assert api.records.removed == [("acme", mine.document_id)]
    assert api.call("DELETE", path).status_code == 404


def test_should_list_page_by_page_everything_once() -> None:
    api = Api()
    api.records.add(*(document(f"{n}.txt") for n in range(7)))
    api.records.add(document("secret.txt", "rival"), tenant="rival")
    seen: list[str] = []
    path = "/v1/documents?limit=3"
    for _ in range(3):
        page = api.call("GET", path).json_body
        seen += [item["path"] for item in page["items"]]
        path = f"/v1/documents?limit=3&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert sorted(seen) == [f"{n}.txt" for n in range(7)]


def test_should_list_only_what_the_filters_let_through() -> None:
    api = Api()
    api.records.add(
        document("a.txt"),
        document("b.txt", status="failed"),
        document("c.txt", collection="other"),
    )
    found = api.call("GET", "/v1/documents?status=ready&collection=default").json_body["items"]
    assert [item["path"] for item in found] == ["a.txt"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=abc", "limit"),
        ("limit=%C2%B2", "limit"),
        ("status=happy", "status"),
        ("collection=../x", "collection"),
        ("collection=", "collection"),
        ("cursor=garbage", "cursor"),
        ("order=oldest", "order"),
        ("cursor=", "cursor"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_should_name_the_wrong_query_parameter(query: str, field: str) -> None:
    response = Api().call("GET", f"/v1/documents?{query}")
    assert response.status_code == 400
    assert error_of(response)["field"] == field


def test_should_list_what_was_changed_last_first_page_by_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Api()
    for n in range(7):
        updated_at = NOW + timedelta(microseconds=n // 2)
        status = "rejected" if n == 3 else "ready"
        api.records.add(document(f"{n}.md", updated_at=updated_at, status=status))
    found = sorted(
        (each for each in api.records.stored["acme"].values() if each.status == "ready"),
        key=lambda each: (each.updated_at, each.document_id),
        reverse=True,
    )
    path = "/v1/documents?order=newest&status=ready&limit=2"
    listed: list[str] = []
    cursor = ""
    for _ in range(3):
        page = api.call("GET", path + cursor).json_body
        listed += [each["document_id"] for each in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert (listed, page["next_cursor"]) == ([each.document_id for each in found], None)
    by_id = api.call("GET", "/v1/documents?status=ready&limit=2").json_body["next_cursor"]
    nowhen = write_cursor(
        f"2026-99-01T00:00:00+00:00 {listed[0]}",
        {"collection": None, "status": "ready", "order": "newest"},
    )
    for other in (by_id, nowhen):
        assert error_of(api.call("GET", f"{path}&cursor={other}"))["field"] == "cursor"
    monkeypatch.setattr(document_queries, "MAX_SORTED", 6)
    refused = api.call("GET", path)
    assert refused.status_code == 422
    assert (error_of(refused)["field"], error_of(refused)["limit"]) == ("order", "6")


def test_should_refuse_a_cursor_of_a_listing_with_other_filters() -> None:
    api = Api()
    api.records.add(*(document(f"{n}.txt") for n in range(3)))
    cursor = api.call("GET", "/v1/documents?limit=1").json_body["next_cursor"]
    response = api.call("GET", f"/v1/documents?limit=1&status=ready&cursor={cursor}")
    assert error_of(response)["field"] == "cursor"


@pytest.mark.parametrize(
    ("failure", "status", "retry_after"),
    [
        (Throttled("table t-123 is busy"), 429, "1"),
        (Transient("host 10.0.0.1 is gone"), 503, "1"),
        (HeadraceError("arn:aws:secret"), 500, None),
    ],
)
def test_should_answer_our_own_failures_without_their_inside(
    failure: HeadraceError, status: int, retry_after: str | None
) -> None:
    api = Api()
    api.records.fails = failure
    response = api.call("GET", "/v1/documents/doc_x")
    assert response.status_code == status
    assert response.headers.get("Retry-After") == retry_after
    assert failure.message not in error_of(response)["message"]


BODY: dict[str, object] = {"path": "a.txt", "bytes": 10}


class TestIdempotencyKey:
    def test_should_give_the_same_answer_again(self) -> None:
        api = Api()
        first = api.call("POST", "/v1/documents", BODY, idempotency_key="k1")
        again = api.call("POST", "/v1/documents", BODY, idempotency_key="k1")
        assert (again.status_code, again.json_body) == (201, first.json_body)
        assert len(api.signed) == 1

    def test_should_refuse_another_body(self) -> None:
        api = Api()
        api.call("POST", "/v1/documents", BODY, idempotency_key="k1")
        other = api.call("POST", "/v1/documents", BODY | {"bytes": 11}, idempotency_key="k1")
        assert other.status_code == 409
        assert error_of(other)["field"] == "Idempotency-Key"

    def test_should_refuse_another_path(self) -> None:
        api = Api()
        api.call("POST", "/v1/search", {"query": "x"}, idempotency_key="k1")
        other = api.call("POST", "/v1/ask", {"query": "x"}, idempotency_key="k1")
        assert other.status_code == 400
        other = api.call("POST", "/v1/ask", {"question": "x"}, idempotency_key="k1")
        assert other.status_code == 409

    def test_should_keep_tenants_apart(self) -> None:
        api = Api()
        api.call("POST", "/v1/documents", BODY, idempotency_key="k1")
        other = api.call("POST", "/v1/documents", BODY, key=OTHER_KEY, idempotency_key="k1")
        assert other.json_body["upload"]["fields"]["key"].startswith("inbox/rival/")

    def test_should_not_keep_a_refusal(self) -> None:
        api = Api()
        wrong = BODY | {"bytes": 2000}
        assert api.call("POST", "/v1/documents", wrong, idempotency_key="k1").status_code == 400
        assert api.call("POST", "/v1/documents", BODY, idempotency_key="k1").status_code == 201

    @pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b"])
    def test_should_refuse_a_key_that_is_none(self, key: str) -> None:
        response = Api().call("POST", "/v1/documents", BODY, idempotency_key=key)
        assert error_of(response)["field"] == "Idempotency-Key"


def test_should_cancel_an_announced_upload_that_has_not_come() -> None:
    """404 would say that nothing comes, and the document would appear when its event does."""
    api = Api()
    made = api.call("POST", "/v1/documents", {"path": "a.txt", "bytes": 10}).json_body
    place = f"/v1/documents/{made['document_id']}"
    (upload_id,) = api.records.announced["acme", made["document_id"]]
    assert api.signed[0]["metadata"] == {"correlation-id": upload_id}
    assert api.call("GET", place).status_code == 404
    answer = api.call("DELETE", place)
    assert (answer.status_code, answer.json_body["removed"]["objects"]) == (200, 0)
    assert api.records.cancelled == [upload_id]
    assert api.call("DELETE", place).status_code == 404
