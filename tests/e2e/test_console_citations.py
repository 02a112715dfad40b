"""Citations of each format, opened by their address in a browser, with the very words marked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.cloud import PROJECT, CloudProcess
from tests.data.formats.make_pictures import INVOICE, drawn, encoded, fax
from tests.e2e.browser import findings, show
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import make_tenant
from tests.media_files import encode

FORMATS = PROJECT / "tests/data/formats"
SPOKEN = PROJECT / "examples/recordings/shift-handover.mp3"
ROTA = (
    "Duty rota of the lock house",
    "The spare key of the lock house hangs behind the third pump.",
)


def _mail() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ann@example.org", "ben@example.org", "The penstock"
    mail.set_content("The penstock was painted in the first week of May.")
    rows = b"part,count\nlantern ring,12\nbronze washer,90\n"
    mail.add_attachment(rows, maintype="text", subtype="csv", filename="spares.csv")
    return mail.as_bytes()


def _film(folder: Path) -> bytes:
    pictures = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=5")
    written = ("-i", str(SPOKEN), "-shortest", "-pix_fmt", "yuv420p")
    return encode(folder / "film.mp4", *pictures, *written).read_bytes()


def _unscanned(name: str) -> Callable[[Path], bytes]:
    return lambda _: (FORMATS / name).read_bytes()


@dataclass(frozen=True, slots=True)
class Case:
    """A file, what to search for, and how it is shown: as a picture, a text or a recording."""

    path: str
    content: Callable[[Path], bytes]
    query: str
    shown: str = "text"
    found: str = ""
    page: int = 1


CASES = (
    Case("minutes.txt", _unscanned("minutes.txt"), "minutes"),
    Case("rules.md", _unscanned("rules.md"), "rake hangs in the mill"),
    Case("aushang.html", _unscanned("aushang.html"), "Das Café am Wehr zieht in die Mühle um"),
    Case("plan.docx", _unscanned("maintenance-plan.docx"), "maintenance of the turbine"),
    Case("output.xlsx", _unscanned("generation-2024.xlsx"), "generation of March"),
    Case("readings.csv", _unscanned("readings.csv"), "left gate half open"),
    Case("penstock.eml", lambda _: _mail(), "when was the penstock painted"),
    Case("", lambda _: b"", "lantern ring count", found="penstock.eml/spares.csv"),
    Case("columns.pdf", _unscanned("columns.pdf"), "columns", "picture"),
    Case("scan.png", lambda _: encoded(drawn(INVOICE), "PNG"), "impeller for pump 4", "picture"),
    Case("photo.jpg", lambda _: encoded(drawn(ROTA), "JPEG"), "spare key", "picture"),
    Case("fax.tiff", lambda _: fax((INVOICE, ROTA)), "spare key third pump", "picture", page=2),
    Case("handover.mp3", lambda _: SPOKEN.read_bytes(), "spare pump", "audio"),
    Case("film.mp4", _film, "spare pump", "video"),
)


@pytest.fixture(scope="module")
def api(cloud: CloudProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A tenant that has a document of each case."""
    folder = tmp_path_factory.mktemp("films")
    with make_tenant(cloud, "console-citations").api as opened:
        sent = [upload(opened, case.path, case.content(folder), case.path.replace(".", "-"))
                for case in CASES if case.path]  # fmt: skip
        assert {settled(opened, each)["status"] for each in sent} == {"ready"}
        yield opened


def _hit(api: httpx.Client, case: Case) -> dict[str, Any]:
    """Return the best passage of the case's document, as a search finds it."""
    answer = api.post("/v1/search", json={"query": case.query, "top_k": 50, "limit": 50})
    hits: list[dict[str, Any]] = answer.json()["hits"]
    return next(each for each in hits if each["path"] == (case.found or case.path))


def _words(text: str) -> str:
    return " ".join(text.split())


def _edges(boxes: list[tuple[float, float, float, float]]) -> list[float]:
    """Return the outermost edges of boxes: left, top, right, bottom."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return [min(left), min(top), max(right), max(bottom)]


def _expect_boxes(page: Page, content: dict[str, Any], hit: dict[str, Any]) -> None:
    """Expect the boxes to enclose the words of the hit, on a picture that has loaded."""
    image = page.get_by_role("img", name=re.compile(f"Page {hit['page']} of"))
    expect(image).to_be_visible()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500
    expect(page.locator("rect.box").first).to_be_visible()
    drawn_boxes = page.locator("rect.box").evaluate_all(
        "boxes => boxes.map(each => each.getBBox())"
        ".map(({ x, y, width, height }) => [x, y, x + width, y + height])"
    )
    words = [
        (word["left"], word["top"], word["right"], word["bottom"])
        for word in content["layout"]["words"]
        if word["start"] < hit["end"] and word["end"] > hit["start"]
    ]
    assert _edges(drawn_boxes) == pytest.approx(_edges(words), abs=2)


def _expect_second(page: Page, kind: str, hit: dict[str, Any]) -> None:
    """Expect the player at the hit's second, a film with its captions."""
    player = page.locator(kind)
    assert player.evaluate(
        "async player => { while (!player.currentTime) await new Promise(r => setTimeout(r, 20));"
        " return player.currentTime }"
    ) == pytest.approx(hit["start_ms"] / 1000, abs=0.5)
    expect(page.locator("li[aria-current=true]")).to_contain_text("spare pump")
    if kind == "video":
        expect(player.locator("track")).to_be_attached()
        cues = player.evaluate(
            "async film => { const track = film.textTracks[0];"
            " while (!track.cues?.length) await new Promise(r => setTimeout(r, 20));"
            " const text = Array.from(track.cues, cue => cue.text).join(' ');"
            " return [film.videoWidth, track.mode, text] }"
        )
        assert cues[:2] == [160, "showing"]
        assert "spare pump" in _words(cues[2])


def test_should_open_what_is_cited_of_each_format_at_its_words(
    page: Page, cloud: CloudProcess, api: httpx.Client
) -> None:
    for case in CASES:
        hit = _hit(api, case)
        assert hit["page"] == case.page, case
        place = {name: hit[name] for name in ("version", "page", "start", "end")}
        if case.shown in ("audio", "video"):
            place["ms"] = hit["start_ms"]
        where = f"/v1/documents/{hit['document_id']}/pages/{hit['page']}"
        content = api.get(where, params={"version": hit["version"], "words": "true"}).json()
        show(page, cloud, f"document/{hit['document_id']}?{urlencode(place)}")
        expect(page.get_by_role("heading", level=1)).to_have_text(hit["path"])
        if case.shown == "picture":
            _expect_boxes(page, content, hit)
            continue
        expect(page.locator("mark").first).to_be_visible()
        marked = _words(" ".join(page.locator("mark").all_text_contents()))
        cited = content["text"][hit["start"] : hit["end"]]
        if page.locator("table mark").count():
            cited = re.sub(r"^\|( - \|)+$", "", cited.replace("|-", "| -"), flags=re.M)
            cited = re.sub(r"\|", " ", cited)
        assert marked == _words(cited), case
        if case.shown != "text":
            _expect_second(page, case.shown, hit)
        if case.path in ("output.xlsx", "film.mp4"):
            assert findings(page) == []


def test_should_turn_to_the_page_of_a_recording_that_has_the_second(page: Page) -> None:
    """Parts of 200 s in 1,000 s: of a film each is a page of speech and one of the screen."""
    script = page.locator("script[type=module]").get_attribute("src")
    assert script is not None
    found = page.evaluate(
        """async ([file, asked]) => {
            const { pageAt } = await import(file);
            return asked.map(([ms, page, pages, media_type]) => {
                const part = Math.ceil(page / (pages / 5)) - 1;
                const timing = { start_ms: 200000 * part, end_ms: 200000 * (part + 1) };
                return pageAt(ms, { page, pages, timing, media_type }, 1e6);
            });
        }""",
        [
            f"./{script.replace('app.js', 'recording.js')}",
            [
                [50_000, 1, 5, "audio/mpeg"],
                [250_000, 1, 5, "audio/mpeg"],
                [999_000, 1, 5, "audio/mpeg"],
                [50_000, 5, 5, "audio/mpeg"],
                [250_000, 1, 10, "video/mp4"],
                [250_000, 2, 10, "video/mp4"],
                [999_000, 4, 10, "video/mp4"],
                [0, 9, 10, "video/mp4"],
            ],
        ],
    )
    assert found == [1, 2, 5, 1, 3, 4, 10, 1]
