"""What each function may load, since a cold start pays for every import.

A fresh process each time: what this one has loaded by now says nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.architecture.ingest_definition import ROOT
from tests.architecture.templates import plain
from tests.unit.functions.read_document.files import pdf

MODELS = ("magika", "numpy", "onnxruntime", "tokenizers")
READERS = ("charset_normalizer", "markdown_it", "pypdfium2", "selectolax")
RECOGNISING = ("rapidocr", "cv2", "charset_normalizer", "markdown_it", "selectolax")
CLIENTS = ("boto3", "s3transfer", "urllib3")
FOR_SOME = ("aws_xray_sdk", "jsonschema", "redis")
"""What Powertools and others would bring with features that nothing of ours uses."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a process may load until its handler could run: no package of `without`, and `modules`
    at most, those of the standard library included.
    """

    modules: int
    without: Sequence[str]


EVENTS = Budget(52, (*MODELS, *READERS, *CLIENTS, "pydantic", "aws_lambda_powertools"))
"""A function of `app.py` that is not the API: Chalice, and nothing of the API."""
ON_MODEL = (*READERS, *CLIENTS, "magika", "onnxruntime", "chalice")
WITH_TEXTS = (*READERS, "magika", "onnxruntime", "chalice")
SEEING = (*WITH_TEXTS, "tokenizers")
WITHOUT_MODEL = (*MODELS, *READERS, "chalice")

BUDGETS: Mapping[str, Budget] = {
    "app.app": Budget(190, (*MODELS, *READERS, *CLIENTS)),
    "app.authorizer": EVENTS,
    "app.execution_ended": EVENTS,
    "app.job_ended": EVENTS,
    "app.object_created": EVENTS,
    "app.sweep": EVENTS,
    "app.sweep_jobs": EVENTS,
    "app.webhook_due": EVENTS,
    "functions.answer_image.handler.handler": Budget(620, SEEING),
    "functions.caption_image.handler.handler": Budget(620, SEEING),
    "functions.check_support.handler.handler": Budget(290, ON_MODEL),
    "functions.chunk_document.handler.handler": Budget(550, WITH_TEXTS),
    "functions.embed_chunks.handler.handler": Budget(570, WITH_TEXTS),
    "functions.classify_image.handler.handler": Budget(620, SEEING),
    "functions.complete_text.handler.handler": Budget(556, (*SEEING, "PIL")),
    "functions.embed_image.handler.handler": Budget(620, SEEING),
    "functions.embed_text.handler.handler": Budget(270, ON_MODEL),
    "functions.export_documents.handler.handler": Budget(490, WITHOUT_MODEL),
    "functions.gather_parts.handler.handler": Budget(475, WITHOUT_MODEL),
    "functions.generate_image.handler.handler": Budget(556, (*WITH_TEXTS, "tokenizers", "PIL")),
    "functions.generate_items.handler.handler": Budget(500, WITHOUT_MODEL),
    "functions.generate_one.handler.handler": Budget(520, WITHOUT_MODEL),
    "functions.harvest_batch.handler.handler": Budget(515, WITHOUT_MODEL),
    "functions.prepare_batch.handler.handler": Budget(515, WITHOUT_MODEL),
    "functions.label_picture.handler.handler": Budget(302, ON_MODEL),
    "functions.read_document.handler.handler": Budget(485, WITHOUT_MODEL),
    "functions.recognise_pages.handler.handler": Budget(505, (*MODELS, *RECOGNISING, "chalice")),
    "functions.reduce_batch.handler.handler": Budget(500, WITHOUT_MODEL),
    "functions.reembed_passages.handler.handler": Budget(575, WITH_TEXTS),
    "functions.reindex_tenant.handler.handler": Budget(490, WITHOUT_MODEL),
    "functions.remove_data.handler.handler": Budget(495, WITHOUT_MODEL),
    "functions.rerank_passages.handler.handler": Budget(275, ON_MODEL),
    "functions.score_answer.handler.handler": Budget(556, (*SEEING, "PIL")),
    "functions.screen_image.handler.handler": Budget(280, ON_MODEL),
    "functions.screen_text.handler.handler": Budget(185, (*WITHOUT_MODEL, *CLIENTS)),
    "functions.stream_answer.handler.handler": Budget(230, (*WITHOUT_MODEL, *CLIENTS)),
    "functions.stream_chat.handler.handler": Budget(255, (*WITHOUT_MODEL, *CLIENTS)),
}
"""By handler, as the template names it. Counts are some 4% above what is loaded; CPU time at the
start goes with them, and unlike it they are the same on every run."""

READ = """
from functions.read_document.extract import extract
from functions.read_document.magic import identify
read = extract(sys.stdin.buffer.read(), sys.argv[1], identify)
assert read.media_type == sys.argv[2], read.media_type
"""
TELL = "print(json.dumps(sorted(sys.modules.keys() - before)))"
PLAIN = b"The turbine stands still on Sundays, and the office opens at nine o'clock.\n" * 5
PAGE = b"<!doctype html><html><body><h1>Turbine</h1><p>It stands still.</p></body></html>"
HANDBOOK = b"# Turbine\n\nPress *start*, then wait for `GREEN`.\n\n- one\n- two\n"


def modules_of(
    script: str, *arguments: str, given: bytes = b"", handler: str = ""
) -> frozenset[str]:
    """Return the modules that a new process loads by `script`, started as for `handler`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    start = f"import json, sys\nbefore = frozenset(sys.modules)\n{script}\n{TELL}"
    done = subprocess.run(
        [sys.executable, "-c", start, *arguments],
        cwd=ROOT,
        env=kept | ({"_HANDLER": handler} if handler else {}),
        input=given,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return frozenset(json.loads(done.stdout))


def packages(modules: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def handlers() -> dict[str, str]:
    """Return the handler of each function in the template, by the function's logical name."""
    found = {
        name: resource["Properties"]["Handler"]
        for name, resource in plain("dev")["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    assert found
    return found


def test_every_function_of_the_template_has_a_budget() -> None:
    assert set(BUDGETS) == set(handlers().values())


@pytest.mark.parametrize("handler", BUDGETS)
def test_a_function_loads_nothing_beyond_its_budget(handler: str) -> None:
    budget = BUDGETS[handler]
    loaded = modules_of(f"import {handler.rpartition('.')[0]}", handler=handler)
    assert not packages(loaded).intersection([*budget.without, *FOR_SOME])
    assert len(loaded) <= budget.modules, sorted(loaded)
    assert len(loaded) > budget.modules * 0.85, "tighten the budget: it no longer holds anything"


def test_without_a_handler_the_app_has_all_routes_which_the_template_is_made_of() -> None:
    asked = "import app; assert ('/v1/search' in app.app.routes) is"
    whole, started = modules_of(f"{asked} True"), modules_of(f"{asked} False", handler="app.app")
    assert started < whole


ASKED = """
import app
from chalicelib.api.groups import group_of
app.app.register_blueprint(group_of(*sys.argv[1:])(None, app.authorizer))
assert sys.argv[2] in app.app.routes
"""
OF_MODELS = ("batches", "budgets", "generating", "generations", "jobs", "openai", "prompts")


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [("GET", "/v1/documents/{document_id}", 204), ("POST", "/v1/search", 220)],
)
def test_a_path_that_asks_no_model_loads_no_contract_of_those_that_do(
    method: str, path: str, most: int
) -> None:
    loaded = modules_of(ASKED, method, path, handler="app.app")
    assert not loaded.intersection(f"chalicelib.contracts.{name}" for name in OF_MODELS)
    assert not any(name.startswith("chalicelib.generation") for name in loaded)
    assert most * 0.85 < len(loaded) <= most, sorted(loaded)


@pytest.mark.parametrize("handler", [name for name in BUDGETS if name.startswith("app.")])
def test_every_function_of_the_app_finds_its_handler_and_only_the_api_has_routes(
    handler: str,
) -> None:
    name = handler.partition(".")[2]
    loaded = modules_of(
        f"import app\nassert callable(app.{name})\n"
        f"assert bool(app.app.routes) is {handler == 'app.app'}",
        handler=handler,
    )
    assert ("chalicelib.api.mounting" in loaded) is (handler == "app.app")
    assert "chalicelib.api.documents" not in loaded


AUTHORIZE = """
os.environ.update(AWS_ENDPOINT_URL="http://127.0.0.1:9", HEADRACE_RECORDS_TABLE="t")
os.environ.update(AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1")
os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
import app
"""


def test_the_authorizer_asks_the_table_without_any_contract() -> None:
    """It runs before every request, so that the first request waits for its start and the API's."""
    loaded = modules_of(
        f"import os{AUTHORIZE}from chalicelib.key_wiring import keys\nkeys(os.environ)",
        handler="app.authorizer",
    )
    assert not packages(loaded).intersection(["pydantic", "aws_lambda_powertools"])
    assert "chalicelib.adapters.key_records" in loaded


MADE = """
from chalicelib.ingest_wiring import ingest
for name in ("records_table", "ingest_machine_arn", "remove_machine_arn", "event_bus",
             "inbox_queue_url"):
    os.environ[f"HEADRACE_{name.upper()}"] = "arn:aws:states:us-east-1:0:stateMachine:x"
os.environ["HEADRACE_MAX_RUNNING_INGESTS"] = "20"
import boto3
made = []
real = boto3.client
boto3.client = lambda name, **how: made.append(name) or real(name, **how)
handlers = ingest(os.environ)
assert made == [], made
from chalicelib.adapters import aws
assert aws.sqs().meta.region_name == "us-east-1"
assert aws.sqs().meta and made == ["sqs"], made
"""


def test_a_client_is_made_when_something_is_asked_of_it_and_once() -> None:
    modules_of(f"import os{AUTHORIZE}{MADE}", handler="app.sweep")


@pytest.mark.parametrize(
    ("content", "path", "media_type", "readers"),
    [
        (PLAIN, "a.txt", "text/plain", set()),
        (PAGE, "a.html", "text/html", {"selectolax"}),
        (HANDBOOK, "a.md", "text/markdown", {"markdown_it", "selectolax"}),
        (pdf("Turbine"), "a.pdf", "application/pdf", {"pypdfium2"}),
    ],
    ids=["plain", "html", "markdown, which may hold html", "pdf"],
)
def test_reading_a_file_loads_no_reader_of_another_format(
    content: bytes, path: str, media_type: str, readers: set[str]
) -> None:
    loaded = modules_of(READ, path, media_type, given=content)
    assert packages(loaded).intersection(READERS) == readers


def test_a_file_with_the_mark_of_a_pdf_is_read_without_asking_the_model() -> None:
    loaded = modules_of(READ, "a.pdf", "application/pdf", given=pdf("Turbine"))
    assert not packages(loaded).intersection(MODELS)
