"""What a stage trained of words, on a whole local cloud: smoke models that write and score."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib.inference import language_model, reward_model, text_labels
from chalicelib.inference.text_decoder import TokenSampling
from tests.cloud import CloudProcess
from tests.e2e.serving import asked, forget, refused, serve
from tests.e2e.tenants import Tenant, make_tenant
from tests.e2e.test_batches import begun, fetched
from tests.exported_models import Files, read
from tests.exported_texts import classifier, tagger
from tests.trained_models import LIMIT_SECONDS, ensure_trained, files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LIMIT_SECONDS)]
Trained = Callable[[str], Files]
CHAT = "/v1/chat/completions"
NOTE = "a small red ship was near the river."


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"tells-{secrets.token_hex(3)}")
    yield made
    made.api.close()


@pytest.fixture(scope="module")
def smoke() -> Trained:
    models = ensure_trained("adapted", "aligned", "language_model", "policy", "reward_model")
    return lambda name: files(models[name])


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_an_aligned_policy_should_go_on_with_reviews_by_every_way(
    cloud: CloudProcess, tenant: Tenant, smoke: Trained, tmp_path: Path
) -> None:
    made = smoke("aligned")
    model = language_model.open_model(read(made))
    asking: dict[str, Any] = {
        "model": "aligned-lm",
        "prompt": "our music was",
        "allow_truncation": True,
    }
    assert "models serve aligned-lm VERSION" in refused(tenant, 409, **asking)
    first = serve(cloud, tmp_path, "aligned-lm", "headrace-local-aligned", made)
    drawn: dict[str, Any] = {"temperature": 0.8, "top_p": 0.9, "seed": 7, "max_tokens": 12}
    found = asked(tenant, **asking, **drawn)
    wanted = model.complete("our music was", TokenSampling(12, 0.8, 0.9, 7))
    assert (found["output"]["text"], found["output"]["finish"]) == (wanted.text, wanted.finish)
    assert found["usage"]["tokens_in"] == wanted.tokens_in == 3
    assert found["usage"]["tokens_out"] == wanted.tokens_out
    (line,) = found["receipt"]["lines"]
    assert (line["model"], line["priced_as"]) == (first.label, "lambda")
    assert Decimal(line["dollars"]) > 0
    as_openai_asks(tenant, model)
    cut_off(tenant, model)
    by_jobs(tenant, wanted.text, {**asking, **drawn})
    second = serve(cloud, tmp_path, "aligned-lm", "headrace-local-aligned", smoke("policy"))
    bucket = cloud.outputs["DocumentsBucketName"]
    key = f"{second.prefix}decoder.onnx"
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=b"corrupt")
    forget(cloud, "complete-text")
    again = asked(tenant, **asking, **drawn)
    assert (again["output"], again["answered_by"]) == (found["output"], first.label)


def as_openai_asks(tenant: Tenant, model: language_model.LanguageModel) -> None:
    """Ask by chat completions, whole and streamed in one piece, and by responses."""
    body = {"model": "aligned-lm", "messages": said("our music was"), "max_tokens": 12, "stop": "."}
    chat = asked(tenant, CHAT, **body)
    wanted = model.complete("our music was", TokenSampling(12), ["."])
    assert chat["choices"][0]["message"]["content"] == wanted.text
    assert chat["choices"][0]["finish_reason"] == wanted.finish
    assert chat["usage"]["completion_tokens"] == wanted.tokens_out
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    answer = tenant.api.post(CHAT, json=streamed)
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert lines[-1] == "[DONE]", answer.text
    chunks = [json.loads(line) for line in lines[:-1]]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    texts = [delta["content"] for delta in deltas if delta.get("content")]
    assert texts == ([wanted.text] if wanted.text else [])
    assert chunks[-1]["usage"]["completion_tokens"] == wanted.tokens_out
    response = asked(tenant, "/v1/responses", model="aligned-lm", input="our music was")
    assert response["usage"]["input_tokens"] == 3
    assert "takes no instructions" in refused(
        tenant,
        400,
        CHAT,
        **{**body, "messages": [{"role": "system", "content": "Be kind."}, *said("a")]},
    )
    turns = [
        *said("our music was"),
        {"role": "assistant", "content": "bad ."},
        *said("the bed was"),
    ]
    assert "no notion of turns; there are 3" in refused(
        tenant, 400, CHAT, **{**body, "messages": turns}
    )


def cut_off(tenant: Tenant, model: language_model.LanguageModel) -> None:
    """Hold an answer that is cut off, a prompt that is too long, and words that are not known."""
    asking: dict[str, Any] = {"model": "aligned-lm", "prompt": "our music was"}
    assert model.complete("our music was", TokenSampling(1)).finish == "length"
    assert "max_tokens" in refused(tenant, 400, **asking, max_tokens=1)
    long = {**asking, "prompt": "our music was " * 9}
    assert "has 27 tokens, and may have 23 at most" in refused(tenant, 400, **long)
    unknown = {**asking, "prompt": "our piano was"}
    assert "does not know 'piano'; it knows ." in refused(tenant, 400, **unknown)
    assert "can't write JSON" in refused(tenant, 422, **asking, json_schema={})


def by_jobs(tenant: Tenant, text: str, call: dict[str, Any]) -> None:
    """Have the same written by a job of one call, and by a line of a batch."""
    job = tenant.ended(tenant.job("POST", "/v1/generations/jobs", call))
    assert job["status"] == "succeeded", job
    line = {**{name: value for name, value in call.items() if name != "model"}, "id": "a"}
    batch = tenant.ended(begun(tenant, [json.dumps(line)], model="aligned-lm"))
    assert batch["status"] == "succeeded", batch
    (result,) = fetched(batch)["results.jsonl"]
    assert result["generation"]["output"]["text"] == text


def test_a_reward_model_should_score_answers_as_its_graph_does(
    cloud: CloudProcess, tenant: Tenant, smoke: Trained, tmp_path: Path
) -> None:
    made = smoke("reward_model")
    answers = ["great .", "very dirty and the bed was not good .", "was was"]
    asking: dict[str, Any] = {
        "task": "scoring",
        "model": "preferences-reward",
        "prompt": "our music was",
    }
    missing = refused(tenant, 409, **asking, answers=answers)
    assert "models serve preferences-reward VERSION" in missing
    first = serve(cloud, tmp_path, "preferences-reward", "headrace-local-reward-model", made)
    found = asked(tenant, **asking, answers=answers)
    wanted = reward_model.open_model(read(made)).score("our music was", answers)
    assert found["output"] == {"task": "scoring", "scores": pytest.approx(list(wanted.scores))}
    assert found["usage"]["tokens_in"] == wanted.tokens
    (line,) = found["receipt"]["lines"]
    assert (line["model"], line["priced_as"]) == (first.label, "lambda")
    assert Decimal(line["dollars"]) > 0
    alone = asked(tenant, **asking, answers=answers[1:2])
    assert alone["output"]["scores"] == pytest.approx([wanted.scores[1]], abs=1e-5)
    unknown = refused(tenant, 400, **asking, answers=["great .", "superb ."])
    assert "answers.1: this model does not know 'superb'" in unknown
    poor = refused(tenant, 422, **asking, answers=answers, budget="0.000001")
    assert "and the budget is $0.000001" in poor
    item = {"id": "a", "prompt": "our music was", "answers": answers}
    batch = tenant.ended(begun(tenant, [json.dumps(item)], model="preferences-reward"))
    assert batch["status"] == "succeeded", batch
    (result,) = fetched(batch)["results.jsonl"]
    assert result["generation"]["output"]["scores"] == pytest.approx(list(wanted.scores))
    second = serve(cloud, tmp_path, "preferences-reward", "headrace-local-reward-model", made)
    bucket = cloud.outputs["DocumentsBucketName"]
    cloud.client("s3").delete_object(Bucket=bucket, Key=f"{second.prefix}scorer.onnx")
    forget(cloud, "score-answer")
    again = asked(tenant, **asking, answers=answers)
    assert again["answered_by"] == first.label


def test_texts_and_the_spans_in_them_should_be_labelled_by_served_encoders(
    cloud: CloudProcess, tenant: Tenant, tmp_path: Path
) -> None:
    asking: dict[str, Any] = {"task": "classification", "model": "foldoc-topics"}
    texts = ["warm room", "cold cold", "the room was cold and so was the bed"]
    assert "models serve foldoc-topics VERSION" in refused(tenant, 409, **asking, texts=texts)
    first = serve(cloud, tmp_path, "foldoc-topics", "headrace-local-text-classifier", classifier())
    found = asked(tenant, **asking, texts=texts)
    wanted = text_labels.open_model(read(classifier()))
    shares = [list(wanted.label(text, "texts").shares) for text in texts]
    assert found["output"]["labels"] == list(wanted.labels)
    assert found["output"]["shares"] == [pytest.approx(each) for each in shares]
    assert found["output"]["truncated"] == [2]
    (line,) = found["receipt"]["lines"]
    assert (line["model"], line["priced_as"]) == (first.label, "lambda")
    serve(cloud, tmp_path, "address-parts", "headrace-local-token-classifier", tagger())
    item = {"id": "a", "task": "tagging", "texts": ["was the room warm"]}
    batch = tenant.ended(begun(tenant, [json.dumps(item)], model="address-parts"))
    assert batch["status"] == "succeeded", batch
    (result,) = fetched(batch)["results.jsonl"]
    ((span,),) = result["generation"]["output"]["spans"]
    assert (span["text"], span["label"], span["start"]) == ("the room", "place", 4)


def test_a_dictionary_and_a_task_should_be_gone_on_with_as_they_were_trained(
    cloud: CloudProcess, tenant: Tenant, smoke: Trained, tmp_path: Path
) -> None:
    base = smoke("language_model")
    serve(cloud, tmp_path, "dictionary-lm", "headrace-local-language-model", base)
    drawn: dict[str, Any] = {"temperature": 0.8, "top_p": 0.9, "seed": 7, "max_tokens": 20}
    asking: dict[str, Any] = {"model": "dictionary-lm", "allow_truncation": True, **drawn}
    found = asked(tenant, **asking, prompt="river: <end> é")
    wanted = language_model.open_model(read(base)).complete(
        "river: <end> é", TokenSampling(20, 0.8, 0.9, 7)
    )
    assert found["output"]["text"] == wanted.text
    assert found["usage"] == {
        "tokens_in": wanted.tokens_in,
        "tokens_out": wanted.tokens_out,
        "images": 0,
    }
    made = smoke("adapted")
    serve(cloud, tmp_path, "task-lm", "headrace-local-adapted", made)
    told = asked(tenant, model="task-lm", prompt=f"{NOTE}\n", max_tokens=16, allow_truncation=True)
    prompt = f"Note: {NOTE}\nFields:"
    assert (
        told["output"]["text"]
        == language_model.open_model(read(made)).complete(prompt, TokenSampling(16)).text
    )
