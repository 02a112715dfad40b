"""A real browser for tests of the console: the distribution's Chromium, driven by Playwright."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, expect, sync_playwright

from tests.cloud import PROJECT, CloudProcess

AXE = PROJECT / ".venv-clients/node/node_modules/axe-core/axe.min.js"
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 800}
SHOWN = ("documents", "ask", "extraction", "review", "job", "versions")
"""Pictures that docs/console.md shows."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
)
_SETTLED_WIDTH = """async (most) => {
    for (let n = 0; n < 20 && document.documentElement.scrollWidth > most; n += 1) {
        await new Promise((done) => setTimeout(done, 50));
    }
    return document.documentElement.scrollWidth;
}"""
"""The width of the page, once it has no more than `most` pixels or has had a second for that."""
_WAIT_MS = 30_000
expect.set_options(timeout=_WAIT_MS)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser; the test is skipped where the machine has none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("No Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=found, args=list(_OPTIONS))
        yield launched
        launched.close()


@contextmanager
def console(
    opened: Browser, cloud: CloudProcess, key: str, viewport: ViewportSize = WIDE, **options: Any
) -> Iterator[Page]:
    """A page of the console, signed in by `key`; whatever it logs as an error fails the test."""
    context = opened.new_context(viewport=viewport, locale="en-GB", **options)
    context.set_default_timeout(_WAIT_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if _is_fault(said) else None)
    page.goto(f"{cloud.endpoint_url}/console#key={key}")
    yield page
    context.close()
    assert errors == []


def show(page: Page, cloud: CloudProcess, screen: str) -> None:
    """Show a screen of the console, whose name may have an id and parameters behind it."""
    page.goto(f"{cloud.endpoint_url}/console#/{screen}")


def expect_usable(page: Page, cloud: CloudProcess, screens: Iterable[tuple[str, str]]) -> None:
    """Expect of each screen, beside a text of it, that it is no wider than `NARROW` and that axe
    finds nothing serious.
    """
    for screen, text in screens:
        show(page, cloud, screen)
        expect(page.get_by_text(text).first).to_be_visible()
        assert page.evaluate(_SETTLED_WIDTH, NARROW["width"]) <= NARROW["width"], screen
        assert findings(page) == [], screen


def picture(page: Page, name: str, scheme: Literal["light", "dark"] = "light") -> None:
    """Keep a picture of the page where `HEADRACE_PICTURES` says, if the documentation shows it.

    It has 128 colours, so that it is half as large.
    """
    folder = os.environ.get("HEADRACE_PICTURES")
    file = Path(folder or "") / f"console-{name}.png"
    if not folder or name not in SHOWN:
        return
    page.emulate_media(color_scheme=scheme)
    clip: FloatRect = {"x": 0, "y": 0, "width": WIDE["width"], "height": 800}
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as taken:
        few = taken.convert("RGB").quantize(
            128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
        few.save(file, optimize=True)
    page.emulate_media(color_scheme="light")


def findings(page: Page) -> list[str]:
    """The serious findings of axe on what the page shows, each with where it is."""
    if not AXE.exists():
        pytest.skip("No axe-core here: make clients, with npm")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def _is_fault(said: Any) -> bool:
    """Tell what the page did wrong from answers that are no success, which a browser logs too."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")
