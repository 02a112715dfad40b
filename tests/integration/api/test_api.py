"""The API through its front door: authorizer, presigned upload, ingest, search, answer."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from chalicelib.contracts.http import ErrorBody
from chalicelib.contracts.receipts import Receipt, nanodollars
from chalicelib.generation.catalogue import catalogue
from chalicelib.ingest.receipts import BILLED_TRANSITIONS
from cli.client import Api
from cli.failures import ApiError
from tests.cloud import PROJECT, CloudProcess
from tests.e2e.driving import until
from tests.integration.api.conftest import SAMPLES, Tenant

LABELLED = json.loads((PROJECT / "tests" / "data" / "questions.json").read_text(encoding="utf-8"))


def refused(call: object, status: int) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()  # type: ignore[operator]
    assert raised.value.status == status
    assert raised.value.request_id
    return raised.value


def _modelled(reader: Tenant) -> dict[str, Any] | None:
    """Return the receipt of an answer, if the language model was asked and had time for one."""
    receipt = reader.api.ask({"question": "Who made the turbine?", "tier": "llm"})["receipt"]
    asked = [line["model"] for line in receipt["lines"] if line["role"] == "answer"]
    return dict(receipt) if "smollm2-135m-instruct-q4_1" in asked else None


def asked_authorizers(cloud: CloudProcess) -> int:
    """Return how often authorizers were invoked."""
    files = (cloud.data_dir / "lambdas" / "logs").glob("*uthorizer*.log*")
    return sum(file.read_text().count("platform.start") for file in files)


class TestKeys:
    def test_should_answer_health_without_a_key(self, cloud: CloudProcess) -> None:
        answer = httpx.get(f"{cloud.endpoint_url}/v1/health")
        assert answer.json() == {"status": "ok", "stage": "local"}

    def test_should_refuse_a_missing_and_a_wrong_key_in_the_one_body(
        self, cloud: CloudProcess
    ) -> None:
        with closing(Api(cloud.endpoint_url, "")) as nobody:
            error = refused(lambda: list(nobody.documents()), 401)
        assert error.type == "Unauthorized"
        with closing(Api(cloud.endpoint_url, "hr_" + "x" * 43)) as stranger:
            error = refused(lambda: list(stranger.documents()), 403)
        assert (error.type, error.message) == (
            "Forbidden",
            "This API key is unknown, or was revoked.",
        )

    @pytest.mark.parametrize(
        "key", ["hr_short", "hr_" + "x" * 129, "not-a-key-but-long-enough-for-one"]
    )
    def test_should_ask_no_function_about_what_cannot_be_a_key(
        self, cloud: CloudProcess, key: str
    ) -> None:
        before = asked_authorizers(cloud)
        with closing(Api(cloud.endpoint_url, key)) as stranger:
            error = refused(lambda: list(stranger.documents()), 401)
        assert error.type == "Unauthorized"
        with closing(Api(cloud.endpoint_url, "hr_" + "x" * 43)) as stranger:
            refused(lambda: list(stranger.documents()), 403)
        until(lambda: asked_authorizers(cloud) > before, "the authorizer is asked about a key")
        assert asked_authorizers(cloud) == before + 1

    def test_should_revoke_a_key_at_once(self, tenant: Tenant) -> None:
        assert list(tenant.api.documents()) == []
        tenant.revoke()
        refused(lambda: list(tenant.api.documents()), 403)


class TestGatewayFailures:
    @pytest.mark.parametrize(
        ("method", "path", "key", "size", "status", "kind"),
        [
            ("GET", "/v1/documents", False, 0, 401, "Unauthorized"),
            ("GET", "/v1/nowhere", False, 0, 404, "NotFound"),
            ("DELETE", "/v1/health", False, 0, 405, "MethodNotAllowed"),
            ("GET", "/v1/nowhere", True, 0, 404, "NotFound"),
            ("GET", "/v1/chat/completions", True, 0, 405, "MethodNotAllowed"),
            ("GET", "/", True, 0, 404, "NotFound"),
            ("POST", "/v1/search", True, 10 * 1024 * 1024 + 1, 413, "RequestTooLarge"),
            ("POST", "/v1/search", True, 7 * 1024 * 1024, 413, "RequestTooLarge"),
            ("POST", "/v1/search", True, 1, 400, "InvalidInput"),
        ],
    )
    def test_should_have_the_one_body_whoever_refuses(
        self,
        reader: Tenant,
        method: str,
        path: str,
        key: bool,
        size: int,
        status: int,
        kind: str,
    ) -> None:
        headers = {"Authorization": f"Bearer {reader.key}"} if key else {}
        headers["Content-Type"] = "application/json"
        url = f"{reader.cloud.endpoint_url}{path}"
        large = b'{"query":"' + b"x" * size + b'"}'
        content = large if size > 1 else b"x" * size
        answer = httpx.request(method, url, headers=headers, content=content)
        assert answer.status_code == status
        error = ErrorBody.model_validate_json(answer.content, strict=True).error
        assert error.type == kind
        assert error.message
        assert error.request_id == answer.headers["x-amzn-RequestId"]


class TestUploads:
    def test_should_let_s3_enforce_the_size(self, tenant: Tenant) -> None:
        created = tenant.api.create_document("a.txt", 5, "default")
        upload = created["upload"]
        answer = httpx.post(upload["url"], data=upload["fields"], files={"file": b""})
        assert answer.status_code == 400
        assert "EntityTooSmall" in answer.text

    def test_should_name_field_and_limit_of_a_file_that_is_too_large(self, tenant: Tenant) -> None:
        error = refused(lambda: tenant.api.create_document("a.txt", 10**12, "default"), 400)
        assert (error.type, error.field, error.limit) == ("InvalidInput", "bytes", "1073741824")

    def test_should_give_one_answer_for_one_idempotency_key(self, tenant: Tenant) -> None:
        def post(body: dict[str, object]) -> httpx.Response:
            headers = {"Authorization": f"Bearer {tenant.key}", "Idempotency-Key": "k-1"}
            url = f"{tenant.cloud.endpoint_url}/v1/documents"
            return httpx.post(url, json=body, headers=headers)

        first = post({"path": "a.txt", "bytes": 5})
        assert post({"path": "a.txt", "bytes": 5}).json() == first.json()
        other = post({"path": "b.txt", "bytes": 5})
        assert (other.status_code, other.json()["error"]["type"]) == (409, "Conflict")

    def test_should_reject_a_file_that_cannot_be_read_with_a_reason(
        self, tenant: Tenant, tmp_path: Path
    ) -> None:
        (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
        (result,) = tenant.put(tmp_path / "broken.pdf")
        assert result.state == "rejected"
        assert result.reason


class TestVersions:
    def test_should_answer_from_the_new_bytes_alone(self, tenant: Tenant, tmp_path: Path) -> None:
        file = tmp_path / "colours.txt"
        file.write_text("The door of the boat house is painted green.\n")
        tenant.put(file)
        file.write_text("The door of the boat house is painted yellow.\n")
        (result,) = tenant.put(file)
        assert result.state == "ready"
        hits = tenant.api.search({"query": "colour of the boat house door"})["hits"]
        assert [hit["text"].strip() for hit in hits] == [
            "The door of the boat house is painted yellow."
        ]

    def test_should_leave_nothing_behind_when_deleted(self, tenant: Tenant, tmp_path: Path) -> None:
        (tmp_path / "note.txt").write_text("The spare key hangs behind the kitchen clock.\n")
        (tmp_path / "note.txt.old").write_text("The ladder stands behind the shed, on the left.\n")
        gone, kept = sorted(tenant.put(tmp_path), key=lambda result: result.path)
        tenant.api.delete_document(gone.document_id)
        refused(lambda: tenant.api.document(gone.document_id), 404)
        refused(lambda: tenant.api.delete_document(gone.document_id), 404)
        hits = tenant.api.search({"query": "Where is the spare key?"})["hits"]
        assert {hit["document_id"] for hit in hits} == {kept.document_id}
        listed = tenant.cloud.client("s3").list_object_versions(
            Bucket=tenant.cloud.outputs["DocumentsBucketName"], Prefix=f"inbox/{tenant.name}/"
        )
        assert [found["Key"] for found in listed["Versions"]] == [
            f"inbox/{tenant.name}/default/note.txt.old"
        ]
        assert "DeleteMarkers" not in listed


class TestTenants:
    def test_should_keep_documents_and_passages_to_their_tenant(
        self, reader: Tenant, tenant: Tenant
    ) -> None:
        document_id = next(reader.api.documents())["document_id"]
        refused(lambda: tenant.api.document(document_id), 404)
        refused(lambda: tenant.api.delete_document(document_id), 404)
        assert list(tenant.api.documents()) == []
        assert tenant.api.search({"query": "turbine"})["hits"] == []
        assert tenant.api.ask({"question": "Who made the turbine?"})["answered"] is False


class TestListing:
    def test_should_page_through_everything_once(self, reader: Tenant) -> None:
        paths = [document["path"] for document in reader.api.documents(limit=1)]
        assert sorted(paths) == sorted(file.name for file in SAMPLES.iterdir())

    def test_should_list_by_status(self, reader: Tenant) -> None:
        assert list(reader.api.documents(status="failed")) == []


class TestQueries:
    def test_should_find_by_meaning_and_by_words(self, reader: Tenant) -> None:
        by_meaning = reader.api.search({"query": "people who may not be alone underground"})
        assert by_meaning["hits"][0]["path"] == "safety-notice.html"
        by_word = reader.api.search({"query": "Stahlbau"})
        assert "Stahlbau" in by_word["hits"][0]["text"]
        assert by_word["receipt"]["lines"][0]["role"] == "question embedding"

    def test_should_search_one_collection_alone(self, reader: Tenant) -> None:
        refused(lambda: reader.api.search({"query": "turbine", "collection": "nothing"}), 404)

    def test_should_cut_a_long_question_and_say_so(self, reader: Tenant) -> None:
        parts = " ".join(f"part{number} of the powerhouse" for number in range(200))
        question = f"Of {parts}: who made the turbine?"
        result = reader.api.search({"query": question})
        assert "rarest terms" in result["notices"][0]
        assert result["hits"]

    @pytest.mark.parametrize("case", LABELLED["answerable"][::6], ids=lambda case: case["quotes"])
    def test_should_cite_characters_that_stand_on_the_page(
        self, reader: Tenant, case: dict[str, str]
    ) -> None:
        answer = reader.api.ask({"question": case["question"], "tier": "extractive"})
        assert answer["answered"]
        for citation in answer["citations"]:
            text = reader.page_text(
                *(citation[name] for name in ("document_id", "version", "page"))
            )
            assert text[citation["start"] : citation["end"]] == citation["quote"]
            assert f"[{citation['n']}]" in answer["answer"]
        quotes = " ".join(" ".join(found["quote"].split()) for found in answer["citations"])
        assert case["quotes"] in quotes

    @pytest.mark.parametrize(
        ("question", "outcome"),
        [
            ("What is the salary of the duty engineer?", "nearest"),
            ("How many moons does Jupiter have?", "not_found"),
        ],
    )
    def test_should_not_answer_what_no_document_says(
        self, reader: Tenant, question: str, outcome: str
    ) -> None:
        answer = reader.api.ask({"question": question})
        assert (answer["outcome"], answer["answered"]) == (outcome, False)
        assert answer["citations"] == []
        assert bool(answer["nearest"]) == (outcome == "nearest")
        assert answer["looked_at"]["paths"]

    def test_should_answer_by_a_language_model_or_say_why_not(self, reader: Tenant) -> None:
        answer = reader.api.ask({"question": "Who made the turbine?", "tier": "llm"})
        marked = [claim for claim in answer["claims"] if claim["unsupported"]]
        assert answer["answered"] == (not marked)
        assert answer["claims"]
        assert answer["tier"] == "llm" or "language model" in answer["notices"][0]

    @pytest.mark.timeout(300)
    def test_should_name_the_model_that_answered_and_the_one_that_is_priced(
        self, reader: Tenant
    ) -> None:
        receipt = until(lambda: _modelled(reader), "no language model answered in time", 200)
        tried = [line for line in receipt["lines"] if line["role"] == "answer"]
        line = next(each for each in tried if each["model"] == "smollm2-135m-instruct-q4_1")
        assert line is tried[-1]
        assert line["priced_as"] == "amazon.nova-micro-v1:0" or len(tried) > 1
        price = catalogue().token_cost(line["priced_as"], line["tokens_in"], line["tokens_out"])
        assert nanodollars(Decimal(line["dollars"])) == price > 0
        assert Decimal(receipt["dollars"]) == sum(
            Decimal(line["dollars"]) for line in receipt["lines"]
        )


class TestReceipts:
    def test_should_tell_of_every_document_what_each_step_took_and_cost(
        self, reader: Tenant
    ) -> None:
        for document in reader.api.documents():
            receipt = Receipt.model_validate(document["receipt"])
            lines = {line.role: line for line in receipt.lines}
            steps = ["reading", "chunking", "embedding", "indexing", "orchestration"]
            assert list(lines) == [*steps, "requests"]
            for step in ("reading", "chunking", "embedding"):
                assert lines[step].seconds > 0
            assert all(line.dollars > 0 for line in receipt.lines)
            assert lines["embedding"].tokens_in > 0
            assert lines["orchestration"].transitions == BILLED_TRANSITIONS
            assert Receipt.of(receipt.lines) == receipt
