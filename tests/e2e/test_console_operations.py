"""Jobs, schedules, usage and webhooks in the console, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cloud import CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, picture, show
from tests.e2e.driving import api_of, settled, upload
from tests.e2e.tenants import make_tenant


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    """A tenant that has a document, a schedule, a job and a model call."""
    with make_tenant(cloud, "console-operations").api as opened:
        sent = upload(opened, "keys.txt", b"The spare key hangs in the blue cabinet.", "papers")
        assert settled(opened, sent)["status"] == "ready"
        terms = {"expression": "rate(30 days)", "work": {"kind": "export"}, "name": "monthly"}
        assert opened.post("/v1/schedules", json=terms).status_code == 201
        call = {"task": "embedding", "texts": ["It hums."], "model": "titan-embed-text-v2"}
        assert opened.post("/v1/generations", json=call).status_code == 200
        assert opened.post("/v1/exports", json={}).status_code == 202
        yield opened


def test_should_run_a_schedule_and_draw_where_its_execution_was(
    page: Page, cloud: CloudProcess, api: httpx.Client
) -> None:
    page.get_by_role("link", name="Operations", exact=True).click()
    page.get_by_role("link", name="Schedules", exact=True).click()
    page.get_by_role("link", name="monthly").click()
    page.get_by_role("button", name="Run now").click()
    run = page.get_by_role("row").filter(has_text="manual")
    expect(run.locator(".badge")).to_have_text("succeeded")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("It is paused: no time is next.")).to_be_visible()
    run.get_by_role("link").click()
    machine = page.get_by_role("img", name="State machine schedule: succeeded")
    expect(machine.locator(".step.succeeded").filter(has_text="Work")).to_contain_text(" s")
    expect(machine.locator(".step.not_entered").filter(has_text="RecordFailure")).to_have_count(1)
    picture(page, "job")
    page.get_by_role("button", name="As curl").click()
    expect(page.locator("dialog pre")).to_contain_text("/execution'")
    export = api.get("/v1/jobs?kind=export").json()["items"][0]["job_id"]
    with api_of(cloud) as other:
        assert other.get(f"/v1/jobs/{export}/execution").status_code == 404


def test_should_make_a_schedule_after_its_next_times_and_errors_are_shown(
    page: Page, cloud: CloudProcess
) -> None:
    show(page, cloud, "schedules/+")
    page.get_by_label(re.compile("^Name")).fill("weekly")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Expression").fill("cron(0 7 ? * MON)")
    expect(page.get_by_role("alert")).to_contain_text("has 5 fields instead of six")
    page.get_by_label("Often used").select_option("cron(0 7 ? * MON *)")
    expect(page.locator(".times time").first).to_contain_text("Monday")
    expect(page.locator(".times time")).to_have_count(5)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("Work").select_option("watch")
    monitor = page.get_by_role("combobox", name="Monitor", exact=True)
    monitor.fill("nowhere")
    page.get_by_role("button", name="Save the schedule").click()
    expect(monitor).to_be_focused()
    expect(page.get_by_role("alert")).to_have_text("There is no monitor nowhere.")
    page.get_by_label("Work").select_option("report")
    page.get_by_role("button", name="Save the schedule").click()
    expect(page.get_by_role("heading", name="weekly")).to_be_visible()
    expect(page.get_by_text("report a week")).to_be_visible()
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Of the last whole").select_option("month")
    page.get_by_role("button", name="Save the schedule").click()
    expect(page.get_by_text("report a month")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("cron(0 7 ? * MON *) in Europe/Berlin")


def test_should_plot_usage_and_deliver_a_test_of_a_webhook(page: Page, cloud: CloudProcess) -> None:
    show(page, cloud, "usage")
    expect(page.get_by_role("img", name="Dollars a day")).to_be_visible()
    plot = page.locator(".plot svg")
    expect(plot.locator("rect.bar")).to_have_count(30)
    expect(plot.locator(".tick").first).to_have_text("$0")
    plot.hover()
    expect(page.locator(".plot figcaption")).to_contain_text("Dollars: $0")
    expect(page.get_by_role("row").filter(has_text="titan-embed-text-v2")).to_be_visible()
    picture(page, "usage")
    show(page, cloud, "webhooks")
    page.get_by_role("button", name="Add a webhook").click()
    page.get_by_label("Address").fill("https://nobody.invalid/hooks")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("dialog pre")).to_contain_text("whsec_")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="https://nobody.invalid/hooks").click()
    page.get_by_role("button", name="Send a test").click()
    sent = page.get_by_role("row").filter(has_text="webhook.test")
    expect(sent.locator(".reason")).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_should_be_usable_narrow_by_keyboard_and_with_a_reader(
    chromium: Browser, cloud: CloudProcess, api: httpx.Client, key: str, scheme: str
) -> None:
    job = api.get("/v1/jobs").json()["items"][0]["job_id"]
    with console(chromium, cloud, key, NARROW, color_scheme=scheme) as page:
        screens = (
            ("jobs", "Progress"),
            (f"job/{job}", "Steps as a table"),
            ("schedule/monthly", "All terms"),
            ("schedules/+", "Next times"),
            ("usage", "Days as a table"),
            ("webhooks", "Add a webhook"),
        )
        expect_usable(page, cloud, screens)
        page.get_by_role("button", name="Menu").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Documents")).to_be_focused()
