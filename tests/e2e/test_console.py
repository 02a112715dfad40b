"""The console in a real browser: files in, answers out, and what happens when things go wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.cloud import CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, show
from tests.e2e.driving import api_of, settled, upload
from tests.e2e.tenants import Tenant, key_of, make_tenant

KEYS = b"The spare key of the boat house hangs in the blue cabinet behind the door."


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    """A tenant that has one document."""
    made = make_tenant(cloud, "console")
    with made.api as opened:
        assert settled(opened, upload(opened, "keys.txt", KEYS, "papers"))["status"] == "ready"
        yield made


@pytest.fixture(scope="module")
def api(tenant: Tenant) -> httpx.Client:
    return tenant.api


def _cut(route: Route) -> None:
    """Answer by a stream that ends within the event after the first claim."""
    answer = route.fetch()
    body = answer.text()
    claim = body.index("event: claim")
    route.fulfill(response=answer, body=body[: body.index("\n\n", claim) + len("\n\nevent")])


def _ask(page: Page, question: str) -> None:
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question").fill(question)
    page.get_by_label("Question").press("Enter")
    expect(page.locator(".outcome")).to_be_visible()


def _copy_document(tenant: Tenant, other: Tenant, copies: int) -> None:
    """Give `other` records of as many documents, each a copy of the only one of `tenant`."""
    store, table = tenant.cloud.client("dynamodb"), tenant.cloud.outputs["RecordsTableName"]
    (document,) = tenant.api.get("/v1/documents").json()["items"]
    key = {"pk": {"S": f"TENANT#{tenant.name}"}, "sk": {"S": f"DOCUMENT#{document['document_id']}"}}
    item = store.get_item(TableName=table, Key=key)["Item"]
    made = [
        {
            **item,
            "pk": {"S": f"TENANT#{other.name}"},
            "sk": {"S": f"DOCUMENT#doc_{number:024d}"},
            "document_id": {"S": f"doc_{number:024d}"},
            "path": {"S": f"archive/{number:05d}.txt"},
        }
        for number in range(copies)
    ]
    for start in range(0, copies, 25):
        puts = [{"PutRequest": {"Item": each}} for each in made[start : start + 25]]
        assert not store.batch_write_item(RequestItems={table: puts})["UnprocessedItems"]


def test_should_hold_one_page_of_many_documents_and_come_back_to_it(
    chromium: Browser, cloud: CloudProcess, tenant: Tenant
) -> None:
    archive = make_tenant(cloud, "console-archive")
    _copy_document(tenant, archive, 250)
    with console(chromium, cloud, key_of(archive.api)) as page:
        first = page.locator("tbody a").first
        elements = []
        for number in range(1, 6):
            expect(first).to_have_text(f"archive/{299 - 50 * number:05d}.txt")
            elements.append(page.evaluate("document.all.length"))
            if number < 5:
                page.get_by_role("button", name="Next").click()
        assert max(elements[1:]) - min(elements[1:]) < 10
        page.get_by_role("button", name="Previous").click()
        expect(first).to_have_text("archive/00099.txt")
        first.click()
        expect(page.get_by_role("heading", name="archive/00099.txt")).to_be_visible()
        page.go_back()
        expect(first).to_have_text("archive/00099.txt")
        expect(page.get_by_text("Page 4", exact=True)).to_be_visible()
        page.route("**/v1/documents?status=ready&order=newest&limit=50", _nothing_yet)
        page.get_by_label("State").select_option("ready")
        expect(page.get_by_text("archive/00150.txt")).to_be_visible()


def test_should_list_more_documents_than_are_sorted_by_id_and_come_back_to_a_page(
    chromium: Browser, cloud: CloudProcess, tenant: Tenant
) -> None:
    archive = make_tenant(cloud, "console-stacks")
    _copy_document(tenant, archive, 120)
    with console(chromium, cloud, key_of(archive.api)) as page:
        page.route("**/v1/documents?order=newest*", _too_many_to_sort)
        page.reload()
        first = page.locator("tbody a").first
        expect(first).to_have_text("archive/00000.txt")
        page.get_by_role("button", name="Next").click()
        expect(first).to_have_text("archive/00050.txt")
        first.click()
        expect(page.get_by_role("heading", name="archive/00050.txt")).to_be_visible()
        page.go_back()
        expect(page.get_by_text("Page 2", exact=True)).to_be_visible()
        expect(first).to_have_text("archive/00050.txt")


def _too_many_to_sort(route: Route) -> None:
    error = {"type": "Unsupported", "message": "They are listed by id alone.", "field": "order"}
    route.fulfill(status=422, json={"error": error})


def _nothing_yet(route: Route) -> None:
    """Answer as the API does once it has looked at many documents and found none: by a cursor."""
    page = route.fetch().json()
    route.fulfill(json={"items": [], "next_cursor": page["next_cursor"]})


def test_should_search_explain_scores_and_write_its_calls_as_curl(
    page: Page, cloud: CloudProcess
) -> None:
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_label("Words").fill("spare key")
    page.get_by_label("Words").press("Enter")
    first = page.locator(".hits li").first
    expect(first).to_contain_text("keys.txt")
    first.get_by_text("Why it is here").click()
    expect(first.get_by_role("row").filter(has_text="vector")).to_be_visible()
    page.get_by_role("button", name="As curl").click()
    command = page.locator("dialog pre")
    expect(command).to_contain_text(f"{cloud.endpoint_url}/v1/search")
    expect(command).to_contain_text('"Authorization: Bearer $KEY"')


def test_should_ask_for_a_key_again_when_it_was_revoked(
    chromium: Browser, cloud: CloudProcess
) -> None:
    unknown = "hr_" + "x" * 43
    with console(chromium, cloud, unknown) as page:
        expect(page.get_by_label("API key")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("was revoked or has expired")


def test_should_keep_tenants_apart(chromium: Browser, cloud: CloudProcess, key: str) -> None:
    with api_of(cloud) as other:
        theirs = upload(other, "theirs.txt", b"Another tenant's words.", "theirs")
        assert settled(other, theirs)["status"] == "ready"
    with console(chromium, cloud, key) as page:
        expect(page.get_by_role("link", name="keys.txt")).to_be_visible()
        expect(page.get_by_text("theirs.txt")).to_have_count(0)
        show(page, cloud, f"document/{theirs}")
        expect(page.get_by_role("alert")).to_contain_text("NotFound")


def test_should_say_that_a_connection_was_dropped_and_go_on_after_it(page: Page) -> None:
    expect(page.get_by_role("link", name="keys.txt")).to_be_visible()
    page.route("**/v1/ask/stream", lambda route: route.abort())
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question").fill("Where does the spare key hang?")
    page.get_by_label("Question").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.locator(".outcome")).to_have_count(0)
    page.unroute("**/v1/ask/stream")
    page.route("**/v1/ask/stream", _cut)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".answer").last).to_contain_text("blue cabinet")
    expect(page.get_by_role("alert").last).to_contain_text("cut off before its end")
    expect(page.locator(".outcome")).to_have_count(0)
    page.unroute("**/v1/ask/stream")
    page.get_by_label("Question").fill("Where does the spare key of the boat house hang?")
    page.get_by_label("Question").press("Enter")
    expect(page.locator(".outcome")).to_be_visible()


def test_should_not_claim_success_of_what_the_api_has_not_done_yet(page: Page) -> None:
    """A slow API: the button waits, and nothing is said before the answer."""
    held: list[Route] = []
    _ask(page, "Where does the spare key of the boat house hang?")
    page.route("**/v1/feedback", lambda route: held.append(route))
    page.get_by_role("button", name="Wrong", exact=True).click()
    expect(page.get_by_role("button", name="Wrong", exact=True)).to_be_disabled()
    expect(page.get_by_text("your rating is kept")).to_have_count(0)
    held[0].continue_()
    expect(page.get_by_text("your rating is kept")).to_be_visible()
    page.get_by_role("button", name="Right", exact=True).click()
    expect(page.get_by_text("your rating is kept")).to_have_count(0)
    held[1].abort()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_should_be_usable_narrow_by_keyboard_and_with_a_reader(
    chromium: Browser, cloud: CloudProcess, key: str, scheme: str
) -> None:
    with console(chromium, cloud, key, NARROW, color_scheme=scheme) as page:
        screens = (
            ("documents", "keys.txt"),
            ("ask", "Question"),
            ("search", "Words"),
        )
        expect_usable(page, cloud, screens)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") in ("A", "BUTTON", "SELECT", "INPUT")


def test_should_send_files_that_may_be_kept_and_a_page_that_may_not(cloud: CloudProcess) -> None:
    with httpx.Client(base_url=cloud.endpoint_url) as client:
        page = client.get("/console")
        assert page.headers["cache-control"] == "no-cache"
        again = client.get("/console", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        file = re.search(r'src="(console/[0-9a-f]+/app\.js)"', page.text)
        assert file is not None
        sent = client.get(f"/{file[1]}")
        assert (sent.status_code, sent.headers["x-content-type-options"]) == (200, "nosniff")
        assert "immutable" in sent.headers["cache-control"]
        assert sent.headers["content-encoding"] == "gzip"
        plain = client.get(f"/{file[1]}", headers={"Accept-Encoding": "identity"})
        assert ("content-encoding" in plain.headers, plain.text) == (False, sent.text)
        gone = client.get("/console/0123456789abcdef/app.js")
        assert (gone.status_code, gone.json()["error"]["field"]) == (404, "console_file")


def test_should_work_below_the_stage_that_addresses_of_api_gateway_begin_with(
    chromium: Browser, cloud: CloudProcess, api: httpx.Client
) -> None:
    def strip_stage(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/prod/", "/", 1)))

    page = chromium.new_page()
    page.route(f"{cloud.endpoint_url}/prod/**", strip_stage)
    page.goto(f"{cloud.endpoint_url}/prod/console#key={key_of(api)}")
    expect(page.get_by_role("link", name="keys.txt")).to_be_visible()
    page.get_by_role("button", name="As curl").click()
    expect(page.locator("dialog pre")).to_contain_text(f"{cloud.endpoint_url}/prod/v1/documents")
    page.unroute_all(behavior="wait")
    page.close()
