"""The console in a real browser: files in, answers out, and what happens when things go wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.cloud import PROJECT, CloudProcess
from tests.e2e.browser import NARROW, console, expect_usable, picture, show
from tests.e2e.driving import api_of, settled, upload
from tests.e2e.tenants import key_of, make_tenant

KEYS = b"The spare key of the boat house hangs in the blue cabinet behind the door."
SECOND = re.compile(r"00:00:1\d")


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    """A tenant that has one document of each kind of citation."""
    files = {
        "keys.txt": KEYS,
        "report.pdf": _sample("samples/inspection-report.pdf"),
        "handover.mp3": _sample("examples/recordings/shift-handover.mp3"),
    }
    with make_tenant(cloud, "console").api as opened:
        sent = [upload(opened, path, content, "papers") for path, content in files.items()]
        assert [settled(opened, each)["status"] for each in sent] == ["ready"] * 3
        yield opened


def _sample(path: str) -> bytes:
    return (PROJECT / path).read_bytes()


def _cut(route: Route) -> None:
    """Answer by a stream that ends within the event after the first claim."""
    answer = route.fetch()
    body = answer.text()
    claim = body.index("event: claim")
    route.fulfill(response=answer, body=body[: body.index("\n\n", claim) + len("\n\nevent")])


def _ask(page: Page, question: str) -> None:
    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(".outcome")).to_be_visible()


def test_should_take_files_and_say_why_one_is_refused(
    chromium: Browser, cloud: CloudProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "keys.txt").write_bytes(KEYS)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing that a reader finds")
    with console(chromium, cloud, key_of(make_tenant(cloud, "console-upload").api)) as page:
        expect(page.get_by_text("No documents here.")).to_be_visible()
        page.locator("input[data-role=folder]").set_input_files(folder)
        expect(page.get_by_text("2 of 2 files sent")).to_be_visible()
        refused = page.get_by_role("row").filter(has_text="broken.pdf")
        expect(refused.locator(".badge")).to_have_text("rejected")
        expect(refused.locator(".reason")).not_to_be_empty()
        taken = page.get_by_role("row").filter(has_text="keys.txt")
        expect(taken.locator(".badge")).to_have_text("ready")
        picture(page, "documents")
        page.get_by_label("State").select_option("rejected")
        expect(page.get_by_role("row")).to_have_count(2)
        refused.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_text("No documents here.")).to_be_visible()


def test_should_open_a_citation_of_a_text_at_its_words_and_take_a_rating(page: Page) -> None:
    _ask(page, "Where does the spare key of the boat house hang?")
    page.locator(".cite").first.click()
    expect(page.locator("mark")).to_have_text(KEYS.decode())
    page.get_by_role("button", name="Right", exact=True).click()
    expect(page.get_by_text("your rating is kept")).to_be_visible()


def test_should_open_a_citation_of_a_pdf_on_its_picture(page: Page) -> None:
    _ask(page, "When is the next inspection of the turbine due?")
    page.get_by_role("button", name=re.compile("Open citation .*report.pdf")).first.click()
    image = page.get_by_role("img", name="Page 1 of report.pdf")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    expect(page.locator("rect.box").first).to_be_visible()
    picture(page, "ask")


def test_should_open_a_citation_of_a_recording_at_its_second(page: Page) -> None:
    _ask(page, "Where does the spare pump go?")
    page.get_by_role("button", name=SECOND).first.click()
    expect(page.locator("figcaption button")).to_have_text(re.compile("Play from 00:00:"))
    expect(page.locator(".transcript mark")).to_contain_text("spare pump")
    player = page.locator("audio")
    assert player.evaluate(
        "async player => { while (!player.currentTime) await new Promise(r => setTimeout(r, 50));"
        " return player.currentTime }"
    ) == pytest.approx(10.6, abs=1)


def test_should_search_explain_scores_and_write_its_calls_as_curl(
    page: Page, cloud: CloudProcess
) -> None:
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_label("Words").fill("spare key")
    page.keyboard.press("Enter")
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
    page.keyboard.press("Enter")
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
    page.keyboard.press("Enter")
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
