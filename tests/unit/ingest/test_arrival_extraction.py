"""Extraction on arrival: one job a version, as the collection says."""

from __future__ import annotations

from chalicelib.contracts.collections import Declaration
from chalicelib.errors import Conflict
from chalicelib.ingest.arrival_extraction import ArrivalExtractor
from chalicelib.jobs.launcher import JobLauncher
from tests.unit.api.records import FakeRecords
from tests.unit.ingest.examples import NOW, version, work
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs


def test_a_version_should_be_extracted_from_once_if_its_collection_names_an_extractor() -> None:
    records, jobs = FakeRecords(), FakeJobs()
    arrivals = ArrivalExtractor(records, JobLauncher(jobs, FakeJobExecutions(), lambda: NOW))
    upload = work()
    arrivals.begin(upload, version("ready"))
    declared = Declaration(name="default", created_at=NOW, updated_at=NOW)
    records.declare("acme", declared)
    arrivals.begin(upload, version("ready"))
    assert not jobs.kept

    for extractor in ("bills", "bills@2", "bills"):
        records.declare("acme", declared.model_copy(update={"extractor": extractor}))
        arrivals.begin(upload, version("ready"))
    (state,) = jobs.kept.values()
    asked = state.input.arrival
    assert asked is not None
    assert (asked.extractor, asked.version) == ("bills", upload.version)
    assert (state.job.kind, state.job.document_id) == ("extraction", upload.document_id)
    assert state.input.machine == "extract"

    arrivals.begin(work(version_id="two"), version("ready"))
    assert len(jobs.kept) == 2, "another version is read anew"
    jobs.refuses = Conflict("The tenant is being removed.")
    arrivals.begin(work(version_id="three"), version("ready"))
    assert len(jobs.kept) == 2
