"""Extractions, reviews and labelling in the console, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cloud import PROJECT, CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, findings, picture, show
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import Tenant, make_tenant

INVOICE = PROJECT / "examples/extraction/invoice.pdf"
SCHEMA = (PROJECT / "examples/extraction/invoice.json").read_text(encoding="utf-8")

DEMANDING = {**json.loads(SCHEMA), "x-min-confidence": 0.95}
"""By it number and date of the invoice are null, and wait for a review."""
PAGE_WIDTH, PAGE_HEIGHT = 595.0, 842.0
NUMBER_BOX = (462.0, 90.0, 538.0, 102.0)
"""Around the invoice's number, in points: left, top, right, bottom."""


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    """A tenant that has one invoice."""
    made = make_tenant(cloud, "console-extractions")
    with made.api as api:
        invoice = upload(api, "invoice.pdf", INVOICE.read_bytes(), "invoices")
        assert settled(api, invoice)["status"] == "ready"
        yield made


@pytest.fixture(scope="module")
def api(tenant: Tenant) -> httpx.Client:
    return tenant.api


@pytest.fixture
def page(page: Page) -> Page:
    """The page, once it lists the invoice."""
    expect(page.get_by_role("link", name="invoice.pdf")).to_be_visible()
    return page


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
    assert chosen(page) == "/invoice_number"
    page.locator("rect.box").filter(has_text="lines / 1 / amount").click()
    assert chosen(page) == "/lines/1/amount"
    expect(page.locator("rect.box.selected")).to_have_count(1)
    assert findings(page) == []
    picture(page, "extraction", "dark")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV, an item of a list a row").click()
    table = download.value.path().read_text(encoding="utf-8")
    assert "Guide vane bearing, bronze" in table
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Text", exact=True).click()
    expect(page.locator("mark.selected")).to_have_text("582.00")


def draw(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a box on the picture of the page by the mouse; edges are in points."""
    drawn = page.locator(".picture svg")
    drawn.scroll_into_view_if_needed()
    frame = drawn.bounding_box()
    assert frame is not None
    across, down = frame["width"] / PAGE_WIDTH, frame["height"] / PAGE_HEIGHT
    page.mouse.move(frame["x"] + left * across, frame["y"] + top * down)
    page.mouse.down()
    page.mouse.move(frame["x"] + right * across, frame["y"] + bottom * down, steps=3)
    page.mouse.up()


def test_should_correct_values_by_box_and_words_and_keep_them_when_a_claim_is_lost(
    page: Page, tenant: Tenant
) -> None:
    api = tenant.api
    (document,) = api.get("/v1/documents").json()["items"]
    body = {"json_schema": DEMANDING, "document_ids": [document["document_id"]]}
    extraction = api.post("/v1/extractions", json=body).json()["extraction_id"]
    review = f"/v1/reviews/{extraction}"

    def claim(reviewer: str) -> str:
        taken = api.post(
            "/v1/reviews/claims", json={"reviewer": reviewer, "extraction_id": extraction}
        )
        return str(taken.json()["claim"]["claim_id"])

    page.get_by_role("link", name="Extractions", exact=True).click()
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Approvals").select_option("2")
    page.get_by_role("button", name="Review the least certain").click()
    page.get_by_role("button", name="Next doubtful").first.click()
    value = page.locator(".editor input")
    number = page.locator("[data-pointer='/invoice_number']")
    expect(number).to_contain_text("perhaps VH-2025-0317")
    page.keyboard.press("1")
    expect(value).to_have_value("VH-2025-0317")
    expect(number).to_contain_text("not kept yet")
    page.get_by_role("button", name="Undo").click()
    expect(value).to_have_value("")
    draw(page, *NUMBER_BOX)
    expect(value).to_have_value("VH-2025-0317")
    value.press("Enter")
    assert chosen(page) == "/invoice_date"
    expect(page.get_by_label("Value of invoice date")).to_be_focused()
    page.keyboard.type("2025-03-17")
    page.get_by_label("Words").fill("17 March 2025")
    page.get_by_role("button", name="Point to them").click()
    expect(value).to_have_value("2025-03-17")
    assert findings(page) == []
    picture(page, "review")
    claim("ann")
    page.get_by_role("button", name="Approve with changes").click()
    expect(page.get_by_role("alert").first).to_contain_text("Conflict")
    expect(page.get_by_text("Nothing that you typed is lost.")).to_be_visible()
    page.get_by_role("button", name="Claim it again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("2 not kept yet")).to_be_visible()
    page.get_by_role("button", name="Approve with changes").click()
    expect(page.get_by_text("Another person has to approve it.")).to_be_visible()
    edits: list[dict[str, Any]] = api.get(review).json()["review"]["edits"]
    assert [(each["pointer"], each["before"], each["after"]) for each in edits] == [
        ("/invoice_number", None, "VH-2025-0317"),
        ("/invoice_date", None, "2025-03-17"),
    ]
    places = [(place["start"], place["end"]) for each in edits for place in each["evidence"]]
    assert places == [(104, 116), (161, 174)]
    approval = {"claim_id": claim("ben"), "reviewer": "ben", "decision": "approve"}
    assert api.put(review, json=approval).json()["extraction"]["status"] == "reviewed"
    page.get_by_role("link", name="Open the extraction").click()
    expect(page.locator("[data-pointer='/invoice_date']")).to_contain_text("2025-03-17")


def test_should_point_to_words_by_a_box_that_a_finger_draws(
    chromium: Browser, tenant: Tenant, key: str
) -> None:
    (document,) = tenant.api.get("/v1/documents").json()["items"]
    body = {"json_schema": DEMANDING, "document_ids": [document["document_id"]]}
    extraction = tenant.api.post("/v1/extractions", json=body).json()["extraction_id"]
    with console(chromium, tenant.cloud, key, NARROW, has_touch=True) as page:
        show(page, tenant.cloud, f"review/{extraction}")
        page.get_by_role("button", name="Claim it").tap()
        page.get_by_role("button", name="Next doubtful").first.tap()
        page.get_by_role("button", name="Draw a box").tap()
        _draw_by_finger(page, *NUMBER_BOX)
        expect(page.locator(".editor input")).to_have_value("VH-2025-0317")


def _draw_by_finger(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a box as `draw` does, by touch; the page must not scroll meanwhile."""
    drawn = page.locator(".picture svg")
    drawn.evaluate("picture => picture.scrollIntoView()")
    frame = drawn.bounding_box()
    assert frame is not None
    across, down = frame["width"] / PAGE_WIDTH, frame["height"] / PAGE_HEIGHT
    screen = page.context.new_cdp_session(page)
    for step, kind in enumerate(("touchStart", "touchMove", "touchMove", "touchMove")):
        x = left + (right - left) * step / 3
        y = top + (bottom - top) * step / 3
        finger = {"x": frame["x"] + x * across, "y": frame["y"] + y * down}
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [finger]})
    screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_should_reject_an_extraction_with_a_reason(page: Page, tenant: Tenant) -> None:
    api = tenant.api
    (document,) = api.get("/v1/documents").json()["items"]
    body = {"json_schema": DEMANDING, "document_ids": [document["document_id"]]}
    extraction = api.post("/v1/extractions", json=body).json()["extraction_id"]
    show(page, tenant.cloud, f"review/{extraction}")
    page.get_by_role("button", name="Claim it").click()
    page.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog")
    reject = dialog.get_by_role("button", name="Reject")
    expect(reject).to_be_disabled()
    page.get_by_label("Why its values are not to be used").fill("A copy of another.")
    reject.click()
    expect(page.get_by_text("Rejected: A copy of another.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.locator("#title")).to_be_focused()
    kept = api.get(f"/v1/reviews/{extraction}").json()
    assert kept["extraction"]["status"] == "rejected"
    assert kept["review"]["reason"] == "A copy of another."


def label_otherwise(tenant: Tenant, task_id: str, reviewer: str, worse: str) -> None:
    """Label the item that has the text `worse` by that text, as a reviewer of no good taste."""
    place = f"/v1/labelling/tasks/{task_id}/claims"
    while claim := tenant.api.post(place, json={"reviewer": reviewer}).json()["claim"]:
        if worse in claim["content"].values():
            label = "first" if claim["content"]["first"] == worse else "second"
            body = {"label": label, "reviewer": reviewer}
            tenant.api.put(f"{place}/{claim['claim_id']}/label", json=body)
        else:
            body = {"reason": "not mine", "reviewer": reviewer}
            tenant.api.put(f"{place}/{claim['claim_id']}/skip", json=body)


def test_should_label_blind_pairs_by_keys_decide_disagreements_and_export_them(
    page: Page, tenant: Tenant
) -> None:
    pairs = [
        {"id": f"q-{n}", "prompt": f"When, {n}?", "a": f"In 201{n}.", "b": "Often."}
        for n in range(2)
    ]
    lines = [json.dumps({**each, "metadata": {"b": "candidate"}}) for each in pairs]
    page.get_by_role("link", name="Extractions", exact=True).click()
    page.get_by_role("link", name="Labelling", exact=True).click()
    page.get_by_role("link", name="New task").click()
    page.get_by_label("Name", exact=True).fill("Which answers better")
    page.get_by_label("Guidelines for reviewers").fill("Prefer the answer that answers.")
    page.get_by_label("Reviewers of each item").fill("2")
    items = page.get_by_label("Items, a JSON object a line")
    items.fill(f"{lines[0]}\n{lines[1][:-1]}")
    page.get_by_role("button", name="Make the task").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 2 is no JSON")
    items.fill("\n".join(lines))
    page.get_by_role("button", name="Make the task").click()
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Take the next item").click()
    sides = page.locator(".pair .said")
    expect(sides).to_have_count(2)
    assert findings(page) == []
    picture(page, "labelling")
    shown = page.locator("main").inner_text()
    assert "candidate" not in shown
    assert "q-" not in shown
    first, second = sides.all_inner_texts()
    page.keyboard.press("1")
    expect(page.get_by_text("1 done")).to_be_visible()
    expect(sides).to_have_count(2)
    page.keyboard.press("s")
    page.keyboard.type("Both are in Greek.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 done")).to_be_visible()
    expect(page.get_by_text("Nothing is left that you could label")).to_be_visible()
    prompt = next(each for each in pairs if {first, second} == {each["a"], each["b"]})
    task_id = page.url.rsplit("/", 1)[1]
    label_otherwise(tenant, task_id, "ben", second)
    page.get_by_role("link", name="Progress", exact=True).click()
    expect(page.get_by_text("1 undecided")).to_be_visible()
    page.get_by_role("link", name="Disagreements", exact=True).click()
    page.get_by_role("button", name="b", exact=True).first.click()
    expect(page.get_by_text("It is b, decided by")).to_be_visible()
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_role("button", name="Read the decided items").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="pairs-").click()
    row = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert row == {"prompt": prompt["prompt"], "chosen": "Often.", "rejected": prompt["a"]}


def test_should_be_usable_narrow_dark_and_with_a_reader(
    chromium: Browser, cloud: CloudProcess, key: str
) -> None:
    with console(chromium, cloud, key, NARROW, color_scheme="dark") as page:
        screens = (
            ("extractions", "State"),
            ("extract", "What to read"),
            ("extractors", "No extractor is saved"),
            ("review", "Review the least certain"),
            ("labelling", "New task"),
            ("labelling/+", "Guidelines for reviewers"),
        )
        expect_usable(page, cloud, screens)
