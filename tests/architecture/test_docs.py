"""The docs lead somewhere: links, paths, commands, records and schemas are what they say."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema

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


def prose(page: Path) -> str:
    """Return the text of a page without what stands in it as code."""
    return _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))


@functools.cache
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


def wrong_about(link: str, page: Path) -> str:
    """Return what is wrong with a link of a page to elsewhere in the repository, or nothing."""
    place, _, anchor = unquote(link).partition("#")
    target = (page.parent / place).resolve() if place else page
    if place.startswith("/"):
        return "is absolute"
    if not target.is_relative_to(ROOT):
        return "leads out of the repository"
    if not target.exists():
        return "leads nowhere"
    if anchor and target.suffix == ".md" and anchor not in anchors(target):
        return "names a heading that is not there"
    return ""


def test_links_lead_somewhere() -> None:
    links = {
        (page.relative_to(ROOT), link): wrong_about(link, page)
        for page in MARKDOWN
        for link in _LINK.findall(prose(page))
        if not re.match(r"[a-z][a-z0-9+.-]*:", link)
    }
    assert {where: wrong for where, wrong in links.items() if wrong} == {}
    assert len(links) > 500


def test_paths_named_in_the_flow_exist() -> None:
    page = (ROOT / "docs" / "flow.md").read_text()
    named = _PATH.findall(page)
    assert named
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


def test_commands_are_targets_of_the_makefile() -> None:
    unknown = {}
    for page in MARKDOWN:
        text = page.read_text(encoding="utf-8")
        named = [target for line in _MAKE.findall(text) for target in line.split()]
        named += _INLINE_MAKE.findall(text)
        unknown[page.relative_to(ROOT)] = set(named) - TARGETS
    assert {page: names for page, names in unknown.items() if names} == {}


def test_a_decision_has_its_parts_in_order_and_its_number_in_its_title() -> None:
    texts = {record.stem: record.read_text(encoding="utf-8") for record in DECISIONS}
    headings = {
        name: [line[3:] for line in text.splitlines() if line.startswith("## ")]
        for name, text in texts.items()
    }
    assert headings == {name: [*_PARTS] for name in texts}
    assert [name for name, text in texts.items() if not re.match(rf"# {name[:4]}\. \S", text)] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(record.stem[:4]) for record in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_schemas_of_events_are_schemas_and_take_their_samples() -> None:
    kind, wrong = jsonschema.Draft202012Validator, {}
    for file in SCHEMAS:
        schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        errors = [*kind(kind.META_SCHEMA).iter_errors(schema)]
        sample = ROOT / "tests" / "events" / file.name
        if sample.exists() and not errors:
            detail = json.loads(sample.read_text(encoding="utf-8"))["detail"]
            errors += kind(schema).iter_errors(detail)
        wrong[file.name] = [error.message for error in errors]
    assert {name: errors for name, errors in wrong.items() if errors} == {}


def test_the_picture_of_the_flow_is_readable_text() -> None:
    picture = (ROOT / "docs" / "flow.svg").read_text(encoding="utf-8")
    assert "<title" in picture
    assert "prefers-color-scheme: dark" in picture
    assert "<script" not in picture
