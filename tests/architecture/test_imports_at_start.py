"""What each function may load, since a cold start pays for every import.

Each start is a fork of one process that has loaded nothing: what the tests' own has loaded by now
says nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

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
RENDERING = ("magika", "onnxruntime", "tokenizers", *RECOGNISING, "chalice")
WITHOUT_MODEL = (*MODELS, *READERS, "chalice")

BUDGETS: Mapping[str, Budget] = {
    "app.app": Budget(190, (*MODELS, *READERS, *CLIENTS)),
    "app.authorizer": EVENTS,
    "app.execution_ended": EVENTS,
    "app.job_ended": EVENTS,
    "app.object_created": EVENTS,
    "app.schedule_due": EVENTS,
    "app.sweep": EVENTS,
    "app.sweep_jobs": EVENTS,
    "app.webhook_due": EVENTS,
    "functions.run_model.handler.answer_image": Budget(620, SEEING),
    "functions.run_model.handler.caption_image": Budget(620, SEEING),
    "functions.check_support.handler.handler": Budget(290, ON_MODEL),
    "functions.chunk_document.handler.handler": Budget(550, WITH_TEXTS),
    "functions.embed_chunks.handler.handler": Budget(595, WITH_TEXTS),
    "functions.run_model.handler.classify_image": Budget(620, SEEING),
    "functions.run_model.handler.complete_text": Budget(556, (*SEEING, "PIL")),
    "functions.run_model.handler.embed_image": Budget(620, SEEING),
    "functions.embed_text.handler.handler": Budget(270, ON_MODEL),
    "functions.evaluate_cases.handler.handler": Budget(560, WITHOUT_MODEL),
    "functions.export_documents.handler.handler": Budget(490, WITHOUT_MODEL),
    "functions.extract_fields.handler.handler": Budget(720, (*READERS, "magika", "chalice")),
    "functions.gather_parts.handler.handler": Budget(475, WITHOUT_MODEL),
    "functions.run_model.handler.generate_image": Budget(556, (*WITH_TEXTS, "tokenizers", "PIL")),
    "functions.generate_items.handler.handler": Budget(510, WITHOUT_MODEL),
    "functions.generate_one.handler.handler": Budget(540, WITHOUT_MODEL),
    "functions.harvest_batch.handler.handler": Budget(520, WITHOUT_MODEL),
    "functions.prepare_batch.handler.handler": Budget(515, WITHOUT_MODEL),
    "functions.run_model.handler.label_text": Budget(556, (*SEEING, "PIL")),
    "functions.label_picture.handler.handler": Budget(302, ON_MODEL),
    "functions.read_document.handler.handler": Budget(485, WITHOUT_MODEL),
    "functions.read_media.handler.handler": Budget(640, SEEING),
    "functions.recognise_pages.handler.handler": Budget(505, (*MODELS, *RECOGNISING, "chalice")),
    "functions.reduce_batch.handler.handler": Budget(500, WITHOUT_MODEL),
    "functions.reembed_passages.handler.handler": Budget(590, WITH_TEXTS),
    "functions.reindex_tenant.handler.handler": Budget(490, WITHOUT_MODEL),
    "functions.remove_data.handler.handler": Budget(495, WITHOUT_MODEL),
    "functions.render_page.handler.handler": Budget(605, RENDERING),
    "functions.rerank_passages.handler.handler": Budget(275, ON_MODEL),
    "functions.run_evaluation.handler.handler": Budget(690, (*READERS, "chalice")),
    "functions.run_code.handler.handler": Budget(245, (*WITHOUT_MODEL, *CLIENTS)),
    "functions.run_schedule.handler.handler": Budget(595, WITHOUT_MODEL),
    "functions.advance_rollout.handler.handler": Budget(505, WITHOUT_MODEL),
    "functions.replay_calls.handler.handler": Budget(560, WITHOUT_MODEL),
    "functions.improve_model.handler.handler": Budget(515, WITHOUT_MODEL),
    "functions.stop_rollout.handler.handler": Budget(465, WITHOUT_MODEL),
    "functions.run_model.handler.score_answer": Budget(556, (*SEEING, "PIL")),
    "functions.screen_image.handler.handler": Budget(280, ON_MODEL),
    "functions.screen_text.handler.handler": Budget(185, (*WITHOUT_MODEL, *CLIENTS)),
    "functions.stream_answer.handler.handler": Budget(230, (*WITHOUT_MODEL, *CLIENTS)),
    "functions.stream_chat.handler.handler": Budget(275, (*WITHOUT_MODEL, *CLIENTS)),
    "functions.transcribe_speech.handler.handler": Budget(300, ON_MODEL),
}
"""By handler, as the template names it. Counts are some 4% above what is loaded; CPU time at the
start goes with them, and unlike it they are the same on every run."""

READ = """
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika as identify
read = extract(open(sys.argv[1], "rb").read(), sys.argv[2], identify)
assert read.media_type == sys.argv[3], read.media_type
"""
PLAIN = b"The turbine stands still on Sundays, and the office opens at nine o'clock.\n" * 5
PAGE = b"<!doctype html><html><body><h1>Turbine</h1><p>It stands still.</p></body></html>"
HANDBOOK = b"# Turbine\n\nPress *start*, then wait for `GREEN`.\n\n- one\n- two\n"
FILES: Mapping[str, tuple[bytes, str, set[str]]] = {
    "a.txt": (PLAIN, "text/plain", set()),
    "a.html": (PAGE, "text/html", {"selectolax"}),
    "a.md": (HANDBOOK, "text/markdown", {"markdown_it", "selectolax"}),
    "a.pdf": (pdf("Turbine"), "application/pdf", {"pypdfium2"}),
}
"""By name: a file's content, what it is read as, and the readers of its format; Markdown may hold
HTML."""

ASKED = """
import app
from chalicelib.api.resources import resource_at
views = resource_at(*sys.argv[1:]).load()
app.app.register_blueprint(views.routes(None, app.authorizer))
assert sys.argv[2] in app.app.routes
"""
ROUTES = {("GET", "/v1/documents/{document_id}"): 205, ("POST", "/v1/search"): 234}
"""By method and path of routes that ask no model: the modules that each loads at most."""
OF_MODELS = ("batches", "budgets", "generating", "generations", "jobs", "openai", "prompts")

AUTHORIZE = """
import os
os.environ.update(AWS_ENDPOINT_URL="http://127.0.0.1:9", HEADRACE_RECORDS_TABLE="t")
os.environ.update(AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1")
os.environ.update(AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
import app
"""
FIND_KEYS = """
from chalicelib.wiring.keys import keys
keys(os.environ)
"""
MADE = """
from chalicelib.wiring.ingest import ingest
for name in ("records_table", "ingest_machine_arn", "remove_machine_arn", "event_bus",
             "inbox_queue_url", "extract_machine_arn"):
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
WHOLE_APP = "import app\nassert '/v1/search' in app.app.routes"


def found_in_app(name: str) -> str:
    """Return what a function of the app is started by: only the API has routes."""
    return (
        f"import app\nassert callable(app.{name})\nassert bool(app.app.routes) is {name == 'app'}\n"
        f"assert ('/v1/search' in app.app.routes) is False"
    )


@dataclass(frozen=True, slots=True)
class Start:
    """A start as for `handler`, if there is one, that runs `script`.

    It begins where `after` has been imported, and fails unless it imports each of these itself.
    """

    script: str
    arguments: Sequence[str] = ()
    handler: str = ""
    after: Sequence[str] = ()


OF_ALL = ("chalicelib.contracts.base", "chalicelib.observability")
OF_THOSE_WITH_CLIENTS = (*OF_ALL, "chalicelib.adapters.aws")
OF_MAGIKA = ("magika",)
"""Modules that many starts import, imported once for all of them: they are most of the work."""

FORKING = """
import json, sys
before = frozenset(sys.modules)
import builtins, os
import_real = builtins.__import__
imported = set()

def import_noted(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0:
        imported.update([name, *(f"{name}.{each}" for each in fromlist or ())])
    return import_real(name, globals, locals, fromlist, level)

def run(number, start):
    if start["handler"]:
        os.environ["_HANDLER"] = start["handler"]
    sys.argv[1:] = start["arguments"]
    told = {"error": "it ended the process"}
    try:
        exec(start["script"], {"sys": sys})
        told = {"modules": sorted(sys.modules.keys() - before)}
        if missing := set(start["after"]) - imported:
            told = {"error": f"it does not import {missing}: begin it without"}
    except BaseException as error:
        told = {"error": repr(error)}
    finally:
        with open(f"{number}.json", "w") as file:
            json.dump(told, file)
        os._exit(0)

starts = list(enumerate(json.load(sys.stdin)))
for after in {tuple(start["after"]) for _, start in starts}:
    if os.fork():
        os.wait()
        continue
    for name in after:
        import_real(name)
    builtins.__import__ = import_noted
    for number, start in starts:
        if tuple(start["after"]) == after and not os.fork():
            run(number, start)
        elif tuple(start["after"]) == after:
            os.wait()
    os._exit(0)
"""


def starts(folder: Path) -> dict[str, Start]:
    """Return every start that is looked at, by a name; files to be read are put into `folder`."""
    found = {}
    for handler, budget in BUDGETS.items():
        module, _, name = handler.rpartition(".")
        if module == "app":
            found[handler] = Start(found_in_app(name), handler=handler)
        else:
            after = OF_ALL if "boto3" in budget.without else OF_THOSE_WITH_CLIENTS
            found[handler] = Start(f"import {module}\n{handler}", handler=handler, after=after)
    found["whole app"] = Start(WHOLE_APP)
    found["keys"] = Start(AUTHORIZE + FIND_KEYS, handler="app.authorizer")
    found["clients"] = Start(AUTHORIZE + MADE, handler="app.sweep")
    for method, path in ROUTES:
        found[path] = Start(ASKED, (method, path), handler="app.app")
    for name, (content, media_type, _) in FILES.items():
        (folder / name).write_bytes(content)
        guessed = OF_MAGIKA if media_type.startswith("text/") else ()
        found[name] = Start(READ, (str(folder / name), name, media_type), after=guessed)
    return found


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[str]]:
    """The modules that each start loads, by its name; none may fail."""
    folder = tmp_path_factory.mktemp("starts")
    asked = starts(folder)
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT)},
        input=json.dumps([asdict(start) for start in asked.values()]),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    told = {
        name: json.loads((folder / f"{number}.json").read_text())
        for number, name in enumerate(asked)
    }
    failed = {name: each["error"] for name, each in told.items() if "error" in each}
    assert failed == {}, done.stderr
    return {name: frozenset(each["modules"]) for name, each in told.items()}


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
def test_a_function_loads_nothing_beyond_its_budget(
    handler: str, loaded: Mapping[str, frozenset[str]]
) -> None:
    budget, modules = BUDGETS[handler], loaded[handler]
    assert not packages(modules).intersection([*budget.without, *FOR_SOME])
    assert len(modules) <= budget.modules, sorted(modules)
    assert len(modules) > budget.modules * 0.85, "tighten the budget: it no longer holds anything"


def test_without_a_handler_the_app_has_all_routes_which_the_template_is_made_of(
    loaded: Mapping[str, frozenset[str]],
) -> None:
    assert loaded["app.app"] < loaded["whole app"]


@pytest.mark.parametrize(("path", "most"), [(path, most) for (_, path), most in ROUTES.items()])
def test_a_path_that_asks_no_model_loads_no_contract_of_those_that_do(
    path: str, most: int, loaded: Mapping[str, frozenset[str]]
) -> None:
    modules = loaded[path]
    assert not modules.intersection(f"chalicelib.contracts.{name}" for name in OF_MODELS)
    assert not any(name.startswith("chalicelib.generation") for name in modules)
    assert most * 0.85 < len(modules) <= most, sorted(modules)


def test_every_function_of_the_app_finds_its_handler_and_only_the_api_has_routes(
    loaded: Mapping[str, frozenset[str]],
) -> None:
    of_app = [handler for handler in BUDGETS if handler.startswith("app.")]
    mounting = [handler for handler in of_app if "chalicelib.api.application" in loaded[handler]]
    assert mounting == ["app.app"]
    assert not [each for each in of_app if "chalicelib.api.documents" in loaded[each]]


def test_the_authorizer_asks_the_table_without_any_contract(
    loaded: Mapping[str, frozenset[str]],
) -> None:
    """It runs before every request, so that the first request waits for its start and the API's."""
    assert not packages(loaded["keys"]).intersection(["pydantic", "aws_lambda_powertools"])
    assert "chalicelib.adapters.records.api_keys" in loaded["keys"]


def test_a_client_is_made_when_something_is_asked_of_it_and_once(
    loaded: Mapping[str, frozenset[str]],
) -> None:
    """The start holds it by itself."""
    assert "boto3" in packages(loaded["clients"])


@pytest.mark.parametrize("name", FILES)
def test_reading_a_file_loads_no_reader_of_another_format(
    name: str, loaded: Mapping[str, frozenset[str]]
) -> None:
    assert packages(loaded[name]).intersection(READERS) == FILES[name][2]


def test_a_file_with_the_mark_of_a_pdf_is_read_without_asking_the_model(
    loaded: Mapping[str, frozenset[str]],
) -> None:
    assert not packages(loaded["a.pdf"]).intersection(MODELS)
