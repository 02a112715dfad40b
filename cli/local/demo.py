"""The command `demo`: cited answers of files and speech, an extracted invoice, a scheduled run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cli.ask import show_answer
from cli.client import Api
from cli.documents.content import show_citation
from cli.documents.put import upload_with_progress
from cli.documents.results import DocumentResult, show_results
from cli.documents.uploads import Uploader, collect
from cli.failures import ApiError, CommandError
from cli.local.cloud import (
    Cloud,
    ended_by_signals,
    running_cloud,
    server_command,
    start,
    stop_process,
)
from cli.local.demo_invoice import INVOICE, SCHEMA, extract_invoice
from cli.models.commands import pull_with_progress
from cli.options import data_dir_option, json_option
from cli.output import Json, Output
from cli.prompts.runs import PLACE as PROMPTS
from cli.prompts.runs import prompt_place
from cli.schedules.commands import PLACE as SCHEDULES
from cli.schedules.commands import schedule_path
from cli.schedules.descriptions import show_schedule

SAMPLES = Path(__file__).parents[2] / "samples"
COLLECTION = "samples"
RECORDING = Path(__file__).parents[2] / "examples" / "recordings" / "shift-handover.mp3"
RECORDINGS = "recordings"
SETTLE_SECONDS = 120.0
_API_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A question of the demo, its outcome, and what must be quoted ("" if nothing is)."""

    text: str
    outcome: str
    quotes: str


QUESTIONS = (
    DemoQuestion("Who made the turbine?", "answered", "Voss Hydro"),
    DemoQuestion("How much energy was generated in March?", "answered", "214"),
    DemoQuestion("Who pays for the second camera?", "nearest", "authority itself"),
    DemoQuestion("How many moons does Jupiter have?", "not_found", ""),
)
"""One question at least of each outcome."""
SPOKEN = DemoQuestion("Where does the spare pump go?", "answered", "workshop")

PROMPT: Json = {
    "name": "demo-sum-up",
    "variables": {"text": {"type": "document"}},
    "turns": [{"template": "Sum up this document in two sentences.\n{{ text }}"}],
}
NIGHTLY: Json = {
    "name": "demo-nightly",
    "expression": "cron(0 2 * * ? *)",
    "time_zone": "Europe/Berlin",
    "budget": "0.50",
    "work": {
        "kind": "batch",
        "source": {"type": "documents", "collection": COLLECTION},
        "prompt": {"name": PROMPT["name"]},
        "results": [{"type": "collection", "collection": "summaries"}],
    },
}
_CONFLICT = 409


class DemoError(CommandError):
    """Raised when a step of the demo fails; the message says which."""


@click.command()
@data_dir_option
@json_option
def demo(data_dir: Path, as_json: bool) -> None:
    """Run a demo: files and a recording in, cited answers and an invoice's fields out.

    Uses the running local cloud, or starts one with its own data and stops it again.
    """
    output = Output(as_json=as_json)
    began = time.monotonic()
    with ended_by_signals():
        _heading(output, "Models")
        pull_with_progress(output)
        _heading(output, "Local cloud")
        with _cloud(data_dir, output) as cloud:
            api = Api(cloud.endpoint_url, cloud.api_key, timeout=_API_TIMEOUT)
            with contextlib.closing(api):
                _heading(output, f"Files of {SAMPLES.name}/")
                _upload(api, output, SAMPLES, COLLECTION)
                answers = [_ask(api, question, output, COLLECTION) for question in QUESTIONS]
                if not as_json:
                    _heading(output, f"Open citation 1: {QUESTIONS[0].text}")
                    show_citation(api, output, answers[0]["answer_id"], 1)
                _heading(output, f"What is said in {RECORDING.name}")
                _upload(api, output, RECORDING, RECORDINGS)
                answers.append(_ask(api, SPOKEN, output, RECORDINGS))
                _heading(output, f"Fields of {INVOICE.name}, by {SCHEMA.name}")
                if faults := extract_invoice(api, output, SETTLE_SECONDS):
                    raise DemoError(f"The invoice was not extracted: {'; '.join(faults)}.")
                _heading(output, "Every night at two, sum up what is new")
                plan_nightly_run(api, output)
    if as_json:
        output.json(answers)
    else:
        output.line(f"\nDone in {time.monotonic() - began:.1f} s.", "bold green")


@contextlib.contextmanager
def _cloud(data_dir: Path, output: Output) -> Iterator[Cloud]:
    """Yield the local cloud that runs on `data_dir`, or one that ends with the block."""
    running = running_cloud(data_dir) or running_cloud(data_dir / "demo")
    if running:
        _say(output, f"One runs already: {running.endpoint_url}")
        yield running
        return
    own = data_dir / "demo"
    process, cloud = start(own, server_command(own, port=0))
    _say(output, f"Started: {cloud.endpoint_url}, data in {own}")
    try:
        yield cloud
    finally:
        stop_process(process)
        _say(output, "\nStopped the local cloud.")


def _upload(api: Api, output: Output, path: Path, collection: str) -> None:
    uploader = Uploader(api, collection, SETTLE_SECONDS)
    uploaded = upload_with_progress(uploader, collect([path]), output)
    if not output.as_json:
        show_results(output, uploaded.results)
    if uploaded.ended_by is not None:
        raise uploaded.ended_by
    _demand_all_taken(uploaded.results)


def _demand_all_taken(results: Sequence[DocumentResult]) -> None:
    bad = [f"{result.path}: {result.reason}" for result in results if not result.succeeded]
    if bad:
        raise DemoError("Not every sample could be taken. " + "; ".join(bad))


def _ask(api: Api, question: DemoQuestion, output: Output, collection: str) -> Json:
    _heading(output, question.text)
    answer = api.ask({"question": question.text, "collection": collection})
    if not output.as_json:
        show_answer(output, answer)
    check_answer(question, answer)
    return answer


def check_answer(question: DemoQuestion, answer: Json) -> None:
    """Raise `DemoError` unless `answer` has the outcome and the quote that the question demands."""
    if answer["outcome"] != question.outcome:
        outcome = answer["outcome"]
        raise DemoError(f"{question.text!r} is {outcome}, and should be {question.outcome}.")
    shown = answer["citations"]
    if question.outcome == "nearest":
        shown = [passage["citation"] for passage in answer["nearest"]]
    quotes = [" ".join(citation["quote"].split()) for citation in shown]
    if question.quotes and not any(question.quotes in quote for quote in quotes):
        raise DemoError(f"The answer to {question.text!r} does not quote {question.quotes!r}.")


def plan_nightly_run(api: Api, output: Output) -> None:
    """Schedule a batch over the samples, show when it will fire, and remove it again."""
    api.call("POST", PROMPTS, json=PROMPT, once=True)
    try:
        try:
            schedule = api.call("POST", SCHEDULES, json=NIGHTLY, once=True)
        except ApiError as refused:
            if refused.status != _CONFLICT:
                raise
            terms = {name: value for name, value in NIGHTLY.items() if name != "name"}
            schedule = api.call("PUT", schedule_path(NIGHTLY["name"]), json=terms)
        if not output.as_json:
            show_schedule(output, schedule)
        if not schedule["next"]:
            raise DemoError("The schedule does not say when it runs.")
        api.call("DELETE", schedule_path(NIGHTLY["name"]))
    finally:
        api.call("DELETE", prompt_place(PROMPT["name"]))
    _say(output, f"Removed {NIGHTLY['name']}, which was only to be shown.")


def _heading(output: Output, text: str) -> None:
    if not output.as_json:
        output.line(f"\n{text}", "bold cyan")


def _say(output: Output, text: str) -> None:
    if not output.as_json:
        output.line(text)
