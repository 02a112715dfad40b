"""Scans from the inbox to a document that can be searched, through the local cloud."""

from __future__ import annotations

import uuid

import pytest

from chalicelib.contracts.ingest import Chunk
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.retrieval.ids import chunks_key
from tests.cloud import CloudProcess
from tests.data.formats import make_pdfs
from tests.integration.ingest.test_pipeline import TENANT, Inbox
from tests.unit.functions.read_document.files import scanned_pdf


@pytest.fixture
def inbox(cloud: CloudProcess) -> Inbox:
    """Return an empty collection."""
    return Inbox(cloud, f"t{uuid.uuid4().hex[:12]}")


def test_a_scan_among_pages_of_text_becomes_searchable(inbox: Inbox) -> None:
    inbox.put("mixed.pdf", make_pdfs.mixed())
    document = inbox.ended("mixed.pdf")
    assert (document.status, document.reason) == ("ready", "")
    assert (document.pages, document.pages_needing_ocr) == (4, 0)
    assert any("pages 2, 4 was recognised" in notice for notice in document.notices)
    place = (TENANT, document.document_id, document.version)
    chunks = parse_lines(inbox.read(chunks_key(*place)), Chunk, document.chunks)
    text = {page: " ".join(c.text for c in chunks if c.page == page) for page in range(1, 5)}
    assert "third page is text" in text[3]
    assert "fish ladder" in text[2]
    assert "2,275.70" in text[4]
    assert document.receipt is not None
    (line,) = (line for line in document.receipt.lines if line.role == "recognising")
    assert (line.model, line.images) == ("rapidocr-ppocrv6-small", 2)
    assert line.dollars > 0


def test_pictures_without_text_are_rejected_with_a_reason(inbox: Inbox) -> None:
    inbox.put("drawing.pdf", scanned_pdf(1))
    document = inbox.ended("drawing.pdf")
    assert document.status == "rejected"
    assert "no text" in document.reason
