from __future__ import annotations

import pytest

from chalicelib.contracts.documents import Document
from chalicelib.errors import Transient
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import NOW, document
from tests.unit.ingest.examples import version


def failed(api: Api, status: str = "failed", attempt: int = 1, kept: str = "failed") -> Document:
    """Keep a document whose newest upload ended in `status`."""
    found = document("a.txt", status=status, latest_version="v_2", reason="The ingest failed.")
    api.records.add(found)
    place = ("acme", found.document_id, "v_2")
    api.records.uploads[place] = version("v_2", status=kept, attempt=attempt, settled_at=NOW)
    return found


def path_of(found: Document) -> str:
    return f"/v1/documents/{found.document_id}/retry"


def test_should_ask_for_another_attempt_at_the_version_that_failed() -> None:
    api = Api()
    found = failed(api, attempt=3)
    response = api.call("POST", path_of(found))
    assert response.status_code == 202
    assert response.json_body["document_id"] == found.document_id
    (wanted,) = api.records.wanted
    assert wanted.model_dump(mode="json") == {
        "id": wanted.id,
        "source": "headrace",
        "detail-type": "document.retry",
        "detail": {
            "tenant": "acme",
            "document_id": found.document_id,
            "version": "v_2",
            "failed_attempt": 3,
        },
    }
    assert wanted.id


@pytest.mark.parametrize("status", ["received", "processing", "ready", "rejected"])
def test_should_refuse_a_document_that_has_not_failed(status: str) -> None:
    api = Api()
    response = api.call("POST", path_of(failed(api, status)))
    assert response.status_code == 409
    error = error_of(response)
    assert error["type"] == "Conflict"
    assert error["message"].startswith(f"The document is {status};")
    assert api.records.wanted == []


def test_should_refuse_where_the_newest_version_runs_again_already() -> None:
    api = Api()
    assert api.call("POST", path_of(failed(api, kept="processing"))).status_code == 409


def test_should_not_know_another_tenant_s_document() -> None:
    api = Api()
    assert api.call("POST", path_of(failed(api)), key=OTHER_KEY).status_code == 404
    assert api.call("POST", "/v1/documents/doc_none/retry").status_code == 404
    assert api.records.wanted == []


def test_should_ask_once_for_one_idempotency_key() -> None:
    api = Api()
    found = failed(api)
    first = api.call("POST", path_of(found), idempotency_key="k1")
    api.records.add(document("a.txt", status="ready"))
    again = api.call("POST", path_of(found), idempotency_key="k1")
    assert (again.status_code, again.json_body) == (202, first.json_body)
    assert len(api.records.wanted) == 1


def test_should_refuse_an_idempotency_key_that_was_used_for_another_document() -> None:
    api = Api()
    assert api.call("POST", path_of(failed(api)), idempotency_key="k1").status_code == 202
    other = api.call("POST", "/v1/documents/doc_other/retry", idempotency_key="k1")
    assert other.status_code == 409
    assert error_of(other)["field"] == "Idempotency-Key"


def test_should_take_an_empty_object_and_name_any_field() -> None:
    api = Api()
    found = failed(api)
    assert api.call("POST", path_of(found), {}).status_code == 202
    refused = api.call("POST", path_of(found), {"attempt": 2})
    assert refused.status_code == 400
    assert error_of(refused)["field"] == "attempt"


def test_should_keep_no_answer_where_the_queue_did_not_take_the_wish() -> None:
    api = Api()
    found = failed(api)
    api.records.fails = Transient("no queue")
    assert api.call("POST", path_of(found), idempotency_key="k1").status_code == 503
    api.records.fails = None
    assert api.call("POST", path_of(found), idempotency_key="k1").status_code == 202
