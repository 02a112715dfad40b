"""Chats, prompts, batches and rollouts in the console, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.cloud import CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, picture, show
from tests.e2e.tenants import make_tenant

PARAMETERS = {"max_tokens": 24, "temperature": 0, "stop": [" ", "\n", "."]}
CALLS: list[dict[str, Any]] = [
    *({"id": each, "texts": [each], "model": "titan-embed-text-v2"} for each in "ab"),
    {"id": "wrong", "prompt": "Say: yes", "max_tokens": 0},
]


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    """A tenant that has two versions of a prompt, of which the first is in production."""
    with make_tenant(cloud, "console-generations").api as opened:
        for text in ("Repeat: {{ word }}", "Say again: {{ word }}"):
            body = {
                "name": "greeting",
                "variables": {"word": {"type": "string"}},
                "turns": [{"template": text}],
                "parameters": PARAMETERS,
                "terms": {"model": "nova-micro"},
            }
            assert opened.post("/v1/prompts", json=body).status_code == 201
        label = "/v1/prompts/greeting/labels/production"
        assert opened.put(label, json={"version": 1}).status_code == 200
        yield opened


def test_should_chat_by_a_stream_and_say_the_cost_before_and_after(
    page: Page, cloud: CloudProcess
) -> None:
    show(page, cloud, "chat?model=nova-micro")
    page.get_by_label("Tokens at most").fill("4")
    page.get_by_label("Message").fill("Say: yes")
    expect(page.get_by_text("At most $0.0000")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".receipt summary")).to_contain_text("$0.0000")
    expect(page.locator(".turn .answer")).not_to_be_empty()
    page.get_by_role("button", name="As curl").click()
    expect(page.locator("dialog pre")).to_contain_text('"stream":true')


def test_should_run_two_versions_of_a_prompt_with_one_input_and_move_a_label(
    page: Page, cloud: CloudProcess
) -> None:
    show(page, cloud, "prompt/greeting")
    page.get_by_label("word").fill("yes")
    page.get_by_role("button", name="Show the calls and their cost").click()
    sides = [page.get_by_role("region", name=f"Version {n}", exact=True) for n in (1, 2)]
    for side in sides:
        expect(side.get_by_text("At most $0.0000")).to_be_visible()
    page.get_by_role("button", name="Run both").click()
    for side in sides:
        expect(side.locator(".receipt summary")).to_contain_text("$")
    picture(page, "prompt")
    page.get_by_label("To version").select_option("2")
    page.get_by_role("button", name="Move the label").click()
    expect(page.get_by_role("row").filter(has_text="production")).to_contain_text("2")


def test_should_write_a_prompt_and_another_version_of_it(page: Page, cloud: CloudProcess) -> None:
    show(page, cloud, "prompts/+")
    page.get_by_label(re.compile("^Name")).fill("river")
    text = page.get_by_label("Text", exact=False).and_(page.locator("textarea.code"))
    text.fill("Which river is it? {{ report }")
    page.get_by_role("button", name="Save the prompt").click()
    expect(text).to_be_focused()
    expect(page.get_by_role("alert")).not_to_be_empty()
    text.fill("Which river is it? {{ report }}")
    page.get_by_label("Type of report").select_option("document")
    page.get_by_role("button", name="Save the prompt").click()
    page.get_by_role("link", name="New version").click()
    expect(page.get_by_label("Type of report")).to_have_value("document")
    page.get_by_role("button", name="Save the version").click()
    expect(page.get_by_text("Version 1 says this already.")).to_be_visible()
    page.get_by_label("Temperature").fill("0")
    page.get_by_role("button", name="Save the version").click()
    expect(page.get_by_role("region", name="Version 2", exact=True)).to_be_visible()


def test_should_make_a_monitor_and_run_an_evaluation_by_their_forms(
    page: Page, cloud: CloudProcess
) -> None:
    show(page, cloud, "monitors/+")
    page.get_by_label(re.compile("^Name")).fill("greetings")
    page.get_by_label("Its name").fill("greeting")
    page.get_by_label("Captured, in % of calls").fill("7")
    page.get_by_role("button", name="Make the monitor").click()
    expect(page.locator(".facts")).to_contain_text("prompt greeting")
    page.get_by_role("link", name="Change").click()
    expect(page.get_by_label("Captured, in % of calls")).to_have_value("7")
    show(page, cloud, "evaluations/+")
    page.get_by_label(re.compile("^Name")).fill("words")
    page.get_by_label(re.compile("^Prompt")).fill("greeting")
    page.get_by_role("textbox", name=re.compile("^Versions")).fill("1, 2")
    cases = page.get_by_label(re.compile("^Cases"))
    cases.fill('{"wrod": "yes", "expected": "yes"}')
    page.get_by_role("button", name="Run the evaluation").click()
    expect(cases).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("The variable word is not given")
    cases.fill('{"word": "yes", "expected": "yes"}')
    page.get_by_role("button", name="Run the evaluation").click()
    expect(page.get_by_role("heading", name="words")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("calls made")


def test_should_estimate_a_batch_and_start_it_only_once_it_is_confirmed(
    page: Page, cloud: CloudProcess
) -> None:
    held: list[Route] = []
    page.route("**/v1/jobs/*/resume", lambda route: held.append(route))
    show(page, cloud, "batches")
    page.get_by_label("Or write the calls here").fill("\n".join(map(json.dumps, CALLS)))
    page.get_by_label("Model, where a call names none").select_option("nova-micro")
    page.get_by_role("button", name="Upload and estimate").click()
    expect(page.get_by_text("2 calls, at most $")).to_be_visible()
    job = page.get_by_role("region", name="Job", exact=True)
    confirm = job.get_by_role("button", name="Confirm and start")
    confirm.click()
    expect(confirm).to_be_disabled()
    expect(job.locator(".badge")).to_have_text("paused")
    held[0].continue_()
    expect(job.locator(".badge").first).to_have_text("partial")
    expect(page.get_by_role("link", name="results.jsonl")).to_be_visible()
    failed = page.get_by_role("row").filter(has_text="wrong")
    expect(failed).to_contain_text("line 3")
    expect(failed).to_contain_text("Field max_tokens, limit 1")
    expect(job.get_by_role("button", name="Retry what failed")).to_be_visible()
    picture(page, "job", "dark")


def test_should_show_a_rollout_with_its_guards_and_abort_it(
    page: Page, cloud: CloudProcess, api: httpx.Client
) -> None:
    live = api.get("/v1/prompts/greeting").json()["labels"]["production"]
    show(page, cloud, "rollouts/+")
    page.get_by_role("combobox", name="Of", exact=True).fill("greeting")
    page.get_by_label(re.compile("^Version")).fill("17")
    page.get_by_label(re.compile("^Shares")).fill("50, 100")
    page.get_by_role("button", name="Begin the rollout").click()
    expect(page.get_by_role("alert")).to_contain_text("17")
    page.get_by_label(re.compile("^Version")).fill(str(3 - live))
    page.get_by_role("button", name="Begin the rollout").click()
    expect(page.get_by_role("row").filter(has_text="50 %")).to_be_visible()
    rollout_id = page.url.rpartition("/")[2]
    expect(page.get_by_role("row").filter(has_text="latency")).to_contain_text("in pairs")
    page.get_by_label("Your reason").fill("Found a typo.")
    page.get_by_role("button", name="Abort").click()
    page.get_by_role("dialog").get_by_role("button", name="Abort").click()
    expect(page.locator(".facts .badge")).to_have_text("rolled back")
    expect(page.locator(".facts")).to_contain_text("Found a typo.")
    machine = api.get(f"/v1/jobs/{rollout_id}/execution")
    assert machine.json()["machine"] == "rollout", machine.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_should_be_usable_narrow_and_with_a_reader(
    chromium: Browser, cloud: CloudProcess, key: str, scheme: str
) -> None:
    with console(chromium, cloud, key, NARROW, color_scheme=scheme) as page:
        screens = (
            ("chat", "Message"),
            ("images", "Not to be seen"),
            ("prompt/greeting", "Move the label"),
            ("batches", "Upload and estimate"),
            ("models?task=chat", "nova-micro"),
            ("prompts/+", "Tokens at most"),
            ("monitor/greetings", "Captured calls"),
            ("monitors/+", "What counts as drift"),
            ("evaluations/+", "Run the evaluation"),
            ("rollouts/+", "Begin the rollout"),
        )
        expect_usable(page, cloud, screens)
