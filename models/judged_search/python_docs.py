"""Sections of Python's documentation: the questions of its FAQ, and the answers below them.

The sources are reStructuredText: a section's title is a line with a line of one punctuation
character below, as long as the title at least.
https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#sections
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("/usr/share/doc/python3.13/html/_sources")
QUESTIONS = "faq"
OTHERS = ("howto", "installing", "library", "reference", "tutorial", "using")
MAX_CHARACTERS = 1_500
MIN_CHARACTERS = 150
_TITLE = re.compile(r"^(?P<title>\S.*)\n(?P<line>([=\-~^\"'`#*+.])\3{2,})\s*$", re.M)
_DIRECTIVE = re.compile(r"^\.\. .*(?:\n[ \t]+.*)*$", re.M)
_ROLE = re.compile(r":[\w:+-]+:`[!~]?([^`<]*?)(?:\s*<[^`]*>)?`")
_MARK = re.compile(r"\*\*|``|`|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")


@dataclass(frozen=True, slots=True)
class DocumentedSection:
    """A section's title, and the beginning of its text, which does not hold the title."""

    id: str
    title: str
    text: str

    @property
    def is_question(self) -> bool:
        """Return whether the title is a question of the FAQ."""
        return self.id.startswith(QUESTIONS) and self.title.endswith("?")


def installed(folder: Path = FOLDER) -> bool:
    """Return whether python3.13-doc is installed."""
    return (folder / QUESTIONS / "programming.rst.txt").is_file()


def sections(folder: Path = FOLDER) -> Iterator[DocumentedSection]:
    """Yield the sections that have a text of some length, in the order of files and places."""
    for name in (QUESTIONS, *OTHERS):
        for file in sorted((folder / name).glob("*.rst.txt")):
            yield from _sections(
                f"{name}/{file.name.partition('.rst')[0]}", file.read_text("utf-8")
            )


def _sections(file: str, source: str) -> Iterator[DocumentedSection]:
    titles = [each for each in _TITLE.finditer(source) if _underlines(each)]
    ends = [*(title.start() for title in titles[1:]), len(source)]
    for number, (title, end) in enumerate(zip(titles, ends, strict=False)):
        text = plain_text(source[title.end() : end])[:MAX_CHARACTERS]
        if len(text) >= MIN_CHARACTERS:
            name = plain_text(title["title"])
            yield DocumentedSection(f"{file}/{number}", name, text)


def _underlines(title: re.Match[str]) -> bool:
    return len(title["line"]) >= len(title["title"].rstrip())


def plain_text(source: str) -> str:
    """Return reStructuredText without directives, roles and marks of fonts."""
    text = _MARK.sub("", _ROLE.sub(r"\1", _DIRECTIVE.sub("", source)))
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(" ".join(each.split()) for each in paragraphs if each.strip())
