from __future__ import annotations

import subprocess
import sys

import pytest

from chalicelib.errors import InvalidInput
from chalicelib.wiring.api import Services

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
}


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("_credentials")
def test_should_build_every_service_without_a_network() -> None:
    services = Services(ENVIRON)
    assert services.documents is services.documents
    assert services.retries.records is services.records
    assert services.search.finder is services.ask.asker.finder
    assert services.ask.asker.writer is not None
    assert services.search.finder.votes is services.ratings
    assert services.feedback.answers is services.records
    assert services.ask.asker.keeper is services.search.keeper


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize(("set_to", "reranks"), [("", False), ("off", False), ("on", True)])
def test_should_rerank_as_the_stage_says(set_to: str, reranks: bool) -> None:
    finder = Services(ENVIRON | {"HEADRACE_RERANK": set_to}).finder
    assert finder.reranker is not None
    assert finder.reranks is reranks


@pytest.mark.usefixtures("_credentials")
def test_should_refuse_a_stage_that_does_not_say_whether_to_rerank() -> None:
    with pytest.raises(InvalidInput, match="HEADRACE_RERANK is 'maybe'; it must be on or off"):
        _ = Services(ENVIRON | {"HEADRACE_RERANK": "maybe"}).finder


@pytest.mark.usefixtures("_credentials")
def test_should_do_without_a_language_model() -> None:
    services = Services(ENVIRON | {"HEADRACE_CHAT_MODEL_ID": ""})
    assert services.ask.asker.writer is None


@pytest.mark.usefixtures("_credentials")
def test_should_ask_no_more_of_the_authorizer_s_environment_than_the_records() -> None:
    assert Services({"HEADRACE_RECORDS_TABLE": "t"}).records


def test_should_name_the_variable_that_is_missing() -> None:
    with pytest.raises(InvalidInput, match="HEADRACE_BUCKET"):
        _ = Services({}).documents


def test_should_import_the_app_without_what_it_does_not_need_to_start() -> None:
    code = (
        "import sys, app; heavy = {'boto3', 'numpy', 'onnxruntime', 'tokenizers', 'localcloud'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
