"""A newcomer's path by the console alone, from a folder of files to what it all cost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cloud import PROJECT, CloudProcess
from tests.e2e.browser import console, picture, show
from tests.e2e.driving import register_version
from tests.e2e.tenants import key_of, make_tenant
from tests.unit.functions.read_document.files import encrypted_pdf

KEYS = "The spare key of the boat house hangs in the blue cabinet behind the door."
READ = ("keys.txt", "invoice.pdf", "inspection-report.pdf")
REFUSED = {
    "broken.pdf": "damaged or cut off",
    "locked.pdf": "password",
    "program.exe": "not readable text",
    "empty.txt": "The file is empty.",
}
CALLS = [{"id": str(n), "prompt": f"Name river {n}.", "max_tokens": 20} for n in range(20)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that are read, and one of each kind that is not."""
    made = tmp_path / "papers"
    made.mkdir()
    (made / "keys.txt").write_text(KEYS)
    (made / "invoice.pdf").write_bytes((PROJECT / "examples/extraction/invoice.pdf").read_bytes())
    report = PROJECT / "samples/inspection-report.pdf"
    (made / "inspection-report.pdf").write_bytes(report.read_bytes())
    (made / "locked.pdf").write_bytes(encrypted_pdf())
    (made / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing that a reader finds")
    (made / "program.exe").write_bytes(b"MZ\x90\x00" + bytes(range(256)) * 8)
    (made / "empty.txt").touch()
    return made


def _upload_and_see_why_files_were_refused(page: Page, folder: Path) -> None:
    expect(page.get_by_text("No documents here.")).to_be_visible()
    page.locator("input[data-role=folder]").set_input_files(folder)
    expect(page.get_by_text("6 of 7 files sent, 1 could not be.")).to_be_visible()
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_label("Words")).to_be_visible()
    page.get_by_role("link", name="Documents", exact=True).click()
    sent = page.locator(".sent")
    expect(sent.get_by_text("All that was sent has been read.")).to_be_attached()
    for name, reason in REFUSED.items():
        expect(sent.get_by_role("listitem").filter(has_text=name)).to_contain_text(reason)
    for name in READ:
        row = page.get_by_role("row").filter(has_text=name)
        expect(row.locator(".badge")).to_have_text("ready")
    expect(page.locator(".tallies a").filter(has_text="ready")).to_contain_text("3")
    picture(page, "documents")
    page.locator(".tallies a").filter(has_text="rejected").click()
    expect(page.get_by_role("row")).to_have_count(4)
    refused = page.get_by_role("row").filter(has_text="broken.pdf")
    expect(refused.locator(".reason")).to_contain_text(REFUSED["broken.pdf"])
    refused.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(refused).to_have_count(0)


def _ask_and_rate(page: Page) -> None:
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question").fill("Where does the spare key of the boat house hang?")
    page.get_by_label("Question").press("Enter")
    announced = page.get_by_role("status").filter(has_text="blue cabinet")
    expect(announced).to_have_count(1)
    cite = page.locator(".cite").first
    cite.click()
    expect(page.locator("mark")).to_have_text(KEYS)
    expect(page.locator(".opened-head")).to_be_focused()
    page.get_by_role("button", name="Close the citation").click()
    expect(cite).to_be_focused()
    page.get_by_role("button", name="Right", exact=True).click()
    expect(page.get_by_text("your rating is kept")).to_be_visible()
    page.get_by_label("Question").fill("When is the next inspection of the turbine due?")
    page.get_by_label("Question").press("Enter")
    page.get_by_role("button", name=re.compile("Open citation .*report.pdf")).first.click()
    expect(page.locator("rect.box").first).to_be_visible()
    image = page.get_by_role("img", name=re.compile("report.pdf"))
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    picture(page, "ask")


def _extract_and_correct(page: Page) -> None:
    page.get_by_role("link", name="Documents", exact=True).click()
    page.get_by_role("link", name="papers/invoice.pdf").click()
    page.get_by_role("link", name="Extract values").click()
    expect(page.get_by_role("list", name="Chosen")).to_contain_text("papers/invoice.pdf")
    asked = {"type": "object", "properties": {"order_number": {"type": ["string", "null"]}}}
    page.get_by_label("JSON Schema").fill(json.dumps({**asked, "x-min-confidence": 0.999}))
    page.get_by_role("button", name="Extract", exact=True).click()
    page.locator("a.button", has_text="Review").click()
    page.get_by_role("button", name="Claim it").click()
    page.get_by_role("button", name="order number").click()
    page.get_by_label("Words").fill("VH-2025-0317")
    page.get_by_role("button", name="Point to them").click()
    page.get_by_label("Value of order number").fill("VH-2025-0317")
    page.get_by_role("button", name="Approve with changes").click()
    expect(page.get_by_text("Approved: its values")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="order number")).to_contain_text("VH-2025-0317")


def _start_and_cancel_a_batch(page: Page, cloud: CloudProcess) -> None:
    show(page, cloud, "batches")
    page.get_by_label("Or write the calls here").fill("\n".join(map(json.dumps, CALLS)))
    page.get_by_role("button", name="Upload and estimate").click()
    job = page.get_by_role("region", name="Job", exact=True)
    job.get_by_role("button", name="Confirm and start").click()
    expect(job.locator(".badge").first).not_to_have_text("paused")
    job.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(job.locator(".badge").first).to_have_text("cancelled")
    expect(job.locator(".receipt summary").first).to_contain_text("$")
    drawn = page.get_by_role("region", name="Execution")
    expect(drawn.locator(".badge").first).not_to_have_text("running")


def _approve_a_version_as_an_operator(page: Page, cloud: CloudProcess) -> None:
    version = register_version(cloud, "headrace-local-console-path") + "/1"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").fill(cloud.api_key)
    page.get_by_role("button", name="Sign in").click()
    show(page, cloud, "versions")
    page.get_by_role("link", name=version).click()
    page.get_by_label("Reason").fill("It is the first.")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".facts .badge")).to_have_text("approved")


def test_should_lead_somebody_new_from_files_to_what_they_cost(
    chromium: Browser, cloud: CloudProcess, folder: Path
) -> None:
    with console(chromium, cloud, key_of(make_tenant(cloud, "console-path").api)) as page:
        _upload_and_see_why_files_were_refused(page, folder)
        _ask_and_rate(page)
        _extract_and_correct(page)
        _start_and_cancel_a_batch(page, cloud)
        show(page, cloud, "usage")
        expect(page.get_by_text(re.compile(r"\$.* for \d+ calls of models"))).to_be_visible()
        _approve_a_version_as_an_operator(page, cloud)
