"""Functions that the API calls: what renders pages, and what extracts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from chalicelib.contracts.functions.extract_fields import (
    ExtractDocumentRequest,
    ExtractDocumentResult,
    LearnLabelsRequest,
    LearnLabelsResult,
)
from chalicelib.contracts.functions.render_page import RenderPageRequest, RenderPageResult
from chalicelib.errors import HeadraceError


@dataclass
class FakeRenderer:
    """Renders no page, and remembers what it was asked."""

    asked: list[RenderPageRequest] = field(default_factory=list)
    fails: HeadraceError | None = None

    def render(self, request: RenderPageRequest) -> RenderPageResult:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails
        key = f"jobs/{request.tenant}/rendered/{request.page}.png"
        return RenderPageResult(key=key, width=3, height=4, highlighted=len(request.highlights))


@dataclass
class FakeExtraction:
    """Extracts, and learns labels, by `read`, which a test sets."""

    read: Callable[[Any], Any] | None = None

    def extract(self, request: ExtractDocumentRequest) -> ExtractDocumentResult:
        assert self.read is not None
        return cast("ExtractDocumentResult", self.read(request))

    def learn(self, request: LearnLabelsRequest) -> LearnLabelsResult:
        assert self.read is not None
        return cast("LearnLabelsResult", self.read(request))
