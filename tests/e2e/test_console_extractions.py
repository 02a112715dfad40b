"""Extractions in the console, in a real browser: from a schema and a document to its values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cloud import PROJECT, CloudProcess
from tests.e2e.browser import NARROW, browser, console, findings, picture
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import Tenant, key_of, make_tenant

INVOICE = PROJECT / "examples/extraction/invoice.pdf"
SCHEMA = (PROJECT / "examples/extraction/invoice.json").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    """A tenant that has one invoice."""
    made = make_tenant(cloud, "console-extractions")
    with made.api as api:
        invoice = upload(api, "invoice.pdf", INVOICE.read_bytes(), "invoices")
        assert settled(api, invoice)["status"] == "ready"
        yield made


@pytest.fixture
def page(chromium: Browser, cloud: CloudProcess, tenant: Tenant) -> Iterator[Page]:
    with console(chromium, cloud, key_of(tenant.api)) as opened:
        expect(opened.get_by_role("link", name="invoice.pdf")).to_be_visible()
        yield opened


def chosen(page: Page) -> str | None:
    """Return the pointer of the field that is chosen."""
    return page.locator("[data-pointer][aria-pressed=true]").get_attribute("data-pointer")


def test_should_say_where_a_schema_is_wrong_and_show_values_beside_their_page(page: Page) -> None:
    page.get_by_role("link", name="Extractions", exact=True).click()
    page.get_by_role("link", name="Extract", exact=True).click()
    page.get_by_role("checkbox", name="invoice.pdf").check()
    schema = page.get_by_label("JSON Schema")
    schema.fill('{"type": "object",\n "properties": {\n  "total": {"type": "amount"}}}')
    page.get_by_role("button", name="Extract", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("json_schema/properties/total/type")
    page.get_by_role("button", name="Show line 3").click()
    assert page.evaluate("getSelection().toString()") == '"amount"'
    schema.fill(SCHEMA)
    page.get_by_role("button", name="Extract", exact=True).click()
    expect(page.get_by_role("heading", name="invoice.pdf")).to_be_visible()
    expect(page.locator("rect.box.warn").first).to_be_visible()
    page.keyboard.press("j")
    assert chosen(page) == "/invoice_number"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert chosen(page) == "/invoice_date"
    page.locator("rect.box").filter(has_text="lines / 1 / amount").click()
    assert chosen(page) == "/lines/1/amount"
    expect(page.locator("rect.box.selected")).to_have_count(1)
    assert findings(page) == []
    picture(page, "extraction")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV, an item of a list a row").click()
    table = download.value.path().read_text(encoding="utf-8")
    assert "Guide vane bearing, bronze" in table
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("mark.selected")).to_have_text("582.00")


def test_should_be_usable_narrow_dark_and_with_a_reader(
    chromium: Browser, cloud: CloudProcess, tenant: Tenant
) -> None:
    with console(chromium, cloud, key_of(tenant.api), NARROW, color_scheme="dark") as page:
        for name, there in (
            ("extractions", "State"),
            ("extract", "What to read"),
            ("extractors", "No extractor is saved"),
        ):
            page.goto(f"{cloud.endpoint_url}/console#/{name}")
            expect(page.get_by_text(there).first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
            assert findings(page) == []
