"""Responses that open a citation: pages, their pictures, uploaded files, versions, answers."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.answers import Citation
from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.documents import VersionStatus
from chalicelib.contracts.metadata import Metadata
from chalicelib.contracts.outlines import Outline
from chalicelib.contracts.page_times import Milliseconds

MAX_WORD_CHARACTERS = 50_000
"""Characters of one answer with words: at most 25,000 of them, 3.5 MB as JSON."""
MAX_PAGE_CHARACTERS = 500_000
"""Characters of one answer: at most 3 MB as JSON in UTF-8, of the 6 MB that Lambda answers with.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


PageFormat = Literal["text", "markdown"]


class PageHeading(Contract):
    """A heading, with those above it, and the character of the page that it begins at."""

    start: int = Field(ge=0)
    text: str


class PageWord(Contract):
    """A word of a page, and the box that it fills on it.

    Attributes:
        start: The character of the page that it begins at, and `end` the one after its last.
        left: Points (1/72 inch) from the page's left edge as it is displayed; `right` likewise.
        top: Points from its upper edge; `bottom` likewise.
        confidence: How certain the recognition is of the word's line, 0 to 1; null where the file
            itself has the text.
    """

    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None = None


class PageLayout(Contract):
    """Where the words of a range of a page's text stand on the page.

    Attributes:
        width: The page's width as it is displayed, in points, or in pixels of a picture, and
            `height` its height; 0 where no words are known.
        words: Words in the order of the text; null where none are known.
        reason: Why none are known.
    """

    width: float = Field(default=0, ge=0)
    height: float = Field(default=0, ge=0)
    words: tuple[PageWord, ...] | None = None
    reason: str = ""


class SpokenPageWord(Contract):
    """A word that is said from `start_ms` to `end_ms` of a recording.

    Attributes:
        start: The character of the page that it begins at, and `end` the one after its last.
        confidence: How certain the recognition is of it, 0 to 1.
        speaker: Who says it, counted from 1 over the whole recording; null where nobody was told
            apart.
    """

    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str
    start_ms: Milliseconds
    end_ms: Milliseconds
    confidence: float | None = None
    speaker: int | None = None


class ShownText(Contract):
    """Characters `start` to `end` of a page, which a shot shows from `start_ms` to `end_ms`."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    start_ms: Milliseconds
    end_ms: Milliseconds


class PageTiming(Contract):
    """When a range of a page of a recording is said, as `words`, or on screen, as `shown`."""

    kind: Literal["speech", "screen"]
    start_ms: Milliseconds
    end_ms: Milliseconds
    words: tuple[SpokenPageWord, ...] = ()
    shown: tuple[ShownText, ...] = ()


class PageContent(Contract):
    """The text of one page of a version, or a range of it.

    Attributes:
        current: Whether this version answers queries now.
        pages: How many pages the version has.
        characters: How many characters the page has; offsets of citations count in them.
        start: The first character of `text`, and `end` the one after its last.
        end: Below `characters` where the page goes on; ask again with it as `start`.
        format: `text`, or `markdown` if `text` is written so; offsets never count its marks.
        layout: The places of the words, if they were asked for.
        timing: Of a recording, when the words are said or shown, if they were asked for.
    """

    document_id: str
    version: str
    current: bool
    collection: str
    path: str
    media_type: str
    page: int = Field(ge=1)
    pages: int = Field(ge=1)
    characters: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str
    format: PageFormat = "text"
    headings: tuple[PageHeading, ...] = ()
    layout: PageLayout | None = Field(default=None, exclude_if=is_none)
    timing: PageTiming | None = Field(default=None, exclude_if=is_none)


class PageImage(Contract):
    """The picture of a page, PNG, to be had at `url` until `expires_at`.

    `highlighted` counts the ranges that are marked. Of a picture that is a document itself, text
    that was read in it is marked, and what is seen in it is not.
    """

    document_id: str
    version: str
    page: int = Field(ge=1)
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    highlighted: int = Field(ge=0)
    url: str
    expires_at: AwareDatetime


class OriginalFile(Contract):
    """The file as it was uploaded, to be had at `url` until `expires_at`."""

    document_id: str
    version: str
    name: str
    media_type: str
    bytes: int = Field(ge=0)
    sha256: str
    url: str
    expires_at: AwareDatetime


CaptionForm = Literal["vtt", "srt", "chapters", "txt"]
"""Captions as WebVTT or SubRip, chapters as WebVTT, or the transcript with times as text."""


class CaptionFile(Contract):
    """The captions of a recording, to be had at `url` until `expires_at`.

    Of `format` it may be its chapters, or its transcript, too. Without speech it has none.
    """

    document_id: str
    version: str
    format: CaptionForm
    name: str
    url: str
    expires_at: AwareDatetime


class RecordingOutline(Outline):
    """The chapters of a recording, with the sentences that sum up each, and how many speak."""

    document_id: str
    version: str


class DocumentVersion(Contract):
    """One upload of a document. `current` is the one that answers queries."""

    version: str
    current: bool
    status: VersionStatus
    reason: str = ""
    media_type: str = ""
    bytes: int = Field(default=0, ge=0)
    sha256: str = ""
    pages: int = Field(default=0, ge=0)
    chunks: int = Field(default=0, ge=0)
    metadata: Metadata = Field(default_factory=dict)
    uploaded_at: AwareDatetime | None = None
    created_at: AwareDatetime


class DocumentVersionList(Contract):
    """All versions of a document, newest first."""

    items: tuple[DocumentVersion, ...]


class GivenAnswer(Contract):
    """An answer of the last 30 days, with the passages that it cites or showed as the nearest.

    `outcome` is "" for an answer that was given before outcomes were kept.
    """

    answer_id: str
    question: str
    asked_as: str
    answer: str
    tier: str
    outcome: str = ""
    citations: tuple[Citation, ...] = ()
    asked_at: AwareDatetime
