"""Screens in memory: the rules themselves, and pictures that say what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.contracts.screening import (
    Category,
    Finding,
    OriginText,
    ScreenImageResult,
    ScreeningPolicy,
)
from chalicelib.errors import HeadraceError
from chalicelib.screening.screener import ContentScreens
from chalicelib.screening.text_screening import CATEGORIES, screen

DATA = Path(__file__).parents[2] / "data" / "screening.json"
_MARK = re.compile(r"\[\[([\w-]+)\|(.*?)\]\]")


@dataclass
class FakeTexts:
    """The function `screen_text`, in this process; it may fail instead."""

    fails: HeadraceError | None = None
    asked: list[tuple[Sequence[OriginText], Collection[Category]]] = field(default_factory=list)

    def screen(
        self,
        texts: Sequence[OriginText],
        categories: Collection[Category],
        least: float,
        correlation_id: str,
    ) -> tuple[Finding, ...]:
        self.asked.append((texts, categories))
        if self.fails is not None:
            raise self.fails
        return screen(texts, categories or CATEGORIES, least)


@dataclass
class FakePictures:
    """The function `screen_image`: a picture is as sexual as its first byte says, of 100."""

    looked: list[bytes] = field(default_factory=list)

    def look(self, picture: bytes, correlation_id: str) -> ScreenImageResult:
        self.looked.append(picture)
        return ScreenImageResult(score=picture[0] / 100, model="fake", seconds=0.0)


@dataclass
class FakePolicies:
    """What operators said of tenants."""

    given: Mapping[str, ScreeningPolicy] = field(default_factory=dict)

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        return self.given.get(tenant)


def screens() -> ContentScreens:
    return ContentScreens(FakeTexts(), FakePictures())


def labelled(kind: str, part: str) -> list[dict[str, Any]]:
    """Return the rows of `tests/data/screening.json` of one kind and set."""
    rows = json.loads(DATA.read_text("utf-8"))[kind]
    return [row for row in rows if row["set"] == part]


def unmarked(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    """Return a text without its marks, and the kind and the span of each."""
    plain, spans, place = "", [], 0
    for mark in _MARK.finditer(text):
        plain += text[place : mark.start()]
        spans.append((mark[1], len(plain), len(plain) + len(mark[2])))
        plain += mark[2]
        place = mark.end()
    return plain + text[place:], spans
