"""Extractions by schedules: one job over what the extractor's version has not read yet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.contracts.extraction_orders import ExtractionInput
from chalicelib.errors import NotFound
from chalicelib.labelling.extractors import ExtractorLibrary
from tests.unit.api.records import FakeRecords
from tests.unit.functions.extract_fields.world import SCHEMA, World
from tests.unit.functions.run_schedule.buckets import Buckets, Runs, place_of
from tests.unit.jobs.examples import BUCKET, NOW

WORK: dict[str, Any] = {"kind": "extraction", "extractor": "bills", "collection": "bills"}


def test_a_run_should_read_what_this_version_of_the_extractor_has_not_read() -> None:
    runs, read = Runs(Buckets()), World()
    first, second = (read.add(name, collection="bills") for name in ("a.pdf", "b.pdf"))
    read.add("c.pdf", collection="others")
    documents: FakeRecords = read.documents
    documents.add(read.add("d.pdf", collection="bills").model_copy(update={"version": ""}))
    library = ExtractorLibrary(runs.extractors, lambda: NOW)
    library.create("acme", "bills", SCHEMA, "")
    read.do(read.request(first, terms=library.terms("acme", "bills", None)))
    runs.extractions.kept |= read.records.kept
    runs.deps = replace(runs.deps, documents=documents)

    state = runs.run(WORK)
    child = place_of(state).child
    body = runs.buckets.bodies[BUCKET, f"jobs/acme/{child}/extraction.json"]
    given = ExtractionInput.model_validate_json(body)
    assert (given.terms.extractor, given.document_ids) == ("bills@1", (second.document_id,))
    assert runs.jobs.kept["acme", child].input.machine == "extract"
    every = place_of(runs.run(WORK | {"changed": False})).child
    body = runs.buckets.bodies[BUCKET, f"jobs/acme/{every}/extraction.json"]
    assert len(ExtractionInput.model_validate_json(body).document_ids) == 2

    read.do(read.request(second, terms=library.terms("acme", "bills", 1)))
    runs.extractions.kept |= read.records.kept
    ended = runs.run(WORK)
    assert (ended.job.status, place_of(ended).notes) == ("succeeded", ("nothing new to read",))
    assert place_of(ended).child == ""
    library.put("acme", "bills", {"properties": {"total": {"type": "number"}}}, "")
    assert place_of(runs.run(WORK)).child, "another version has read none of them"
    with pytest.raises(NotFound, match="no version 9"):
        runs.run(WORK | {"extractor": "bills@9"})
