"""The docs lead somewhere: links, paths, commands, records and schemas are what they say."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from tests.architecture.ingest_definition import ROOT

_FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_PATH = re.compile(
    r"`((?:chalicelib|functions|statemachines|infra|localcloud|models|cli|tests|benchmarks)/[^`\s…]+)`"
)
_MAKE = re.compile(r"^\$ (?:.*&& )?make((?: +[a-z][a-z-]*)*)", re.MULTILINE)
_INLINE_MAKE = re.compile(r"`make ([a-z][a-z-]*)")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_PARTS = ("Status", "Context", "Decision", "Consequences")


def _markdown() -> list[Path]:
    """Return the Markdown files that are or will be in the repository, less what tests read."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    command.append(":!tests/data")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = [ROOT / line for line in listed.splitlines()] or [*ROOT.glob("*.md"), *_docs()]
    return sorted(path for path in found if path.is_file())


def _docs() -> Iterator[Path]:
    return (ROOT / "docs").rglob("*.md")


MARKDOWN = _markdown()
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
SCHEMAS = sorted((ROOT / "docs" / "events").glob("*.json"))
TARGETS = frozenset(_TARGET.findall((ROOT / "Makefile").read_text()))

each_page = pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))


def prose(page: Path) -> str:
    """Return the text of a page without what stands in it as code."""
    return _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def test_there_are_docs_to_test() -> None:
    names = {str(page.relative_to(ROOT)) for page in MARKDOWN}
    assert {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/flow.md"} <= names
    assert DECISIONS
    assert SCHEMAS


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        place, _, anchor = unquote(link).partition("#")
        assert not place.startswith("/"), f"{link} is absolute"
        target = (page.parent / place).resolve() if place else page
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        assert target.exists(), f"{link} leads nowhere"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: there is no such heading"


def test_paths_named_in_the_flow_exist() -> None:
    page = (ROOT / "docs" / "flow.md").read_text()
    named = _PATH.findall(page)
    assert named
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


@each_page
def test_commands_are_targets_of_the_makefile(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [target for line in _MAKE.findall(text) for target in line.split()]
    named += _INLINE_MAKE.findall(text)
    assert not set(named) - TARGETS


@pytest.mark.parametrize("record", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_parts_in_order(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.match(rf"# {record.stem[:4]}\. \S", text), "the title begins with the number"
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [*_PARTS]


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(record.stem[:4]) for record in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda path: path.stem)
def test_a_schema_of_an_event_is_one_and_takes_its_sample(file: Path) -> None:
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    sample = ROOT / "tests" / "events" / file.name
    if sample.exists():
        jsonschema.validate(json.loads(sample.read_text(encoding="utf-8"))["detail"], schema)


def test_the_picture_of_the_flow_is_readable_text() -> None:
    picture = (ROOT / "docs" / "flow.svg").read_text(encoding="utf-8")
    assert "<title" in picture
    assert "prefers-color-scheme: dark" in picture
    assert "<script" not in picture
