from __future__ import annotations

import subprocess
import sys

import pytest

from chalicelib.api import ask, documents, feedback, retries, search
from chalicelib.api.resources import RESOURCES, ApiResource
from chalicelib.errors import InvalidInput
from chalicelib.generation.added_models import AddedModels, StageModels, merge_models
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.retrieval.answer.passage_writer import PassageLimits, PassageWriter
from chalicelib.wiring.api import ApiParts

NONE_ADDED = StageModels(served_models(), catalogue().prices)
ENVIRON = {
    "HEADRACE_BUCKET": "b",
    "HEADRACE_RECORDS_TABLE": "t",
    "HEADRACE_EMBED_FUNCTION": "f",
    "HEADRACE_MODEL_FUNCTIONS": "embed_text=f generate_image=g",
    "HEADRACE_CHECK_FUNCTION": "c",
    "HEADRACE_RERANK_FUNCTION": "r",
    "HEADRACE_INBOX_QUEUE_URL": "https://sqs/inbox",
    "HEADRACE_CHAT_MODEL_ID": "amazon.nova-micro-v1:0",
    "HEADRACE_EVENT_BUS": "bus",
    "HEADRACE_SCREEN_TEXT_FUNCTION": "t",
    "HEADRACE_SCREEN_IMAGE_FUNCTION": "i",
    "HEADRACE_WEBHOOK_QUEUE_URL": "https://sqs/webhooks",
    "HEADRACE_SCHEDULE_GROUP": "headrace-test",
    "HEADRACE_SCHEDULE_QUEUE_ARN": "arn:aws:sqs:us-east-1:0:schedules",
    "HEADRACE_SCHEDULE_DEAD_LETTERS_ARN": "arn:aws:sqs:us-east-1:0:dead-letters",
    "HEADRACE_SCHEDULE_ROLE_ARN": "arn:aws:iam::0:role/schedules",
    **{
        f"HEADRACE_{kind}_MACHINE_ARN": f"arn:aws:states:us-east-1:0:stateMachine:{kind}"
        for kind in (
            "EXPORT",
            "REMOVE",
            "REINDEX",
            "BATCH",
            "GENERATE",
            "SCHEDULE",
            "EVALUATE",
            "ROLLOUT",
            "EXTRACT",
        )
    },
}


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.module)
def test_should_build_the_services_of_every_resource_without_a_network(
    resource: ApiResource,
) -> None:
    services = resource.load().build_services(ApiParts(ENVIRON))
    assert (services is None) is (resource.module == "reference")


@pytest.mark.usefixtures("_credentials")
def test_should_share_parts_among_the_services() -> None:
    parts = ApiParts(ENVIRON)
    parts.read_models = lambda: NONE_ADDED
    searching, answerer = search.build_services(parts), ask.build_services(parts).answerer()
    assert retries.build_services(parts).records is parts.records
    assert searching.searcher is answerer.searcher
    assert answerer.writer is not None
    assert searching.searcher.votes is parts.ratings
    assert feedback.build_services(parts).answers is parts.records
    assert answerer.answer_log is searching.answer_log


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize(("set_to", "reranks"), [("", False), ("off", False), ("on", True)])
def test_should_rerank_as_the_stage_says(set_to: str, reranks: bool) -> None:
    searcher = ApiParts(ENVIRON | {"HEADRACE_RERANK": set_to}).searcher
    assert searcher.reranker is not None
    assert searcher.reranks is reranks


@pytest.mark.usefixtures("_credentials")
def test_should_refuse_a_stage_that_does_not_say_whether_to_rerank() -> None:
    with pytest.raises(InvalidInput, match="HEADRACE_RERANK is 'maybe'; it must be on or off"):
        _ = ApiParts(ENVIRON | {"HEADRACE_RERANK": "maybe"}).searcher


@pytest.mark.usefixtures("_credentials")
def test_should_do_without_a_language_model() -> None:
    parts = ApiParts(ENVIRON | {"HEADRACE_CHAT_MODEL_ID": ""})
    parts.read_models = lambda: NONE_ADDED
    assert ask.build_services(parts).answerer().writer is None


@pytest.mark.usefixtures("_credentials")
def test_should_word_answers_by_the_model_that_was_added_for_them() -> None:
    parts = ApiParts(ENVIRON | {"HEADRACE_CHAT_MODEL_ID": ""})
    entry = {
        "name": "tiny",
        "title": "Tiny",
        "provider": "me",
        "task": "chat",
        "tier": 2,
        "licence": "none",
        "inputs": ["text"],
        "outputs": ["text"],
        "abilities": [],
        "backend": {"kind": "openai", "url": "http://a/v1", "model_id": "t", "schema": "s"},
        "limits": {"context_tokens": 4_000, "passage_tokens": 900},
        "lifecycle": {"status": "active"},
    }
    added = AddedModels().with_model(entry, (), for_questions=True)
    parts.read_models = lambda: merge_models(served_models(), {}, added, shared_queues=False)
    writer = ask.build_services(parts).answerer().writer
    assert isinstance(writer, PassageWriter)
    assert (writer.model, writer.limits) == ("tiny", PassageLimits(4_000, 900))


@pytest.mark.usefixtures("_credentials")
def test_should_ask_no_more_of_the_authorizer_s_environment_than_the_records() -> None:
    assert ApiParts({"HEADRACE_RECORDS_TABLE": "t"}).records


def test_should_name_the_variable_that_is_missing() -> None:
    with pytest.raises(InvalidInput, match="HEADRACE_BUCKET"):
        documents.build_services(ApiParts({}))


def test_should_import_the_app_without_what_it_does_not_need_to_start() -> None:
    code = (
        "import sys, app; heavy = {'boto3', 'numpy', 'onnxruntime', 'tokenizers', 'localcloud'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
