"""Looks whether the calls of a monitor's subject have drifted, and reports what it finds.

The first step looks, and writes the report; the last one tells of news: it publishes the event,
counts the metric that the alarm watches, and keeps the report as the last one. So a look that is
repeated finds the same look before it. If answers are graded, an evaluation does it in between.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.drift import DriftDetected, DriftReport
from chalicelib.contracts.jobs import JobCounts, JobEnd
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.schedule_runs import RunCheckpoint, Watermark
from chalicelib.contracts.schedules import WatchWork
from chalicelib.errors import InvalidInput, NotFound, Unsupported
from chalicelib.jobs.lifecycle import ResultFile
from chalicelib.schedules.locations import S3Location, check_location
from functions.run_schedule.children import MIN_WAIT_SECONDS
from functions.run_schedule.destinations import GrantedLocations, Transfers, run_folders
from functions.run_schedule.given_baselines import GivenBaselines
from functions.run_schedule.judge_jobs import JudgingJobs
from functions.run_schedule.kind import Run, RunStep

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.captures import CapturedCall
    from chalicelib.contracts.events import BusEvent
    from chalicelib.contracts.monitors import Monitor
    from chalicelib.monitoring.looks import BaselineStore, LookResult, WatchEmbedder
    from chalicelib.monitoring.watched_calls import CallArchive, WatchedCalls

JSON, PAGE, PLOTS = "drift.json", "drift.html", "drift.png"
_TYPES = {PAGE: "text/html; charset=utf-8", PLOTS: "image/png"}
"""Media types of files; others are JSON."""
CAPTURES = "captures"
MAX_FILES = 500
MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_CAPTURE_BYTES = 24 * 1024 * 1024
"""Files of data capture that one look reads, the newest ones: calls take three times the bytes of
their lines, and the function has 256 MB."""


class WatchRecords(Protocol):
    """Stores monitors, and the reports of their last looks."""

    def monitor(self, tenant: str, name: str) -> Monitor | None:
        """Return one monitor, or None."""

    def report(self, tenant: str, name: str, version: str = "") -> DriftReport | None:
        """Return the report of a monitor's last look, or of the last that compared a version."""

    def put_report(self, tenant: str, report: DriftReport) -> None:
        """Store the report of a monitor's last look."""


@dataclass(frozen=True, slots=True)
class WatchDeps:
    """Collaborators of watching.

    Attributes:
        records: Stores monitors and reports.
        baselines: Stores baselines.
        archive: Reads captured calls.
        embedder: Embeds texts.
        publish: Publishes an event.
        count: Writes the metric of drifted features.
        cost: Returns the price of the embedding function for some seconds, in nano-dollars.
    """

    records: WatchRecords
    baselines: BaselineStore
    archive: CallArchive
    embedder: WatchEmbedder
    publish: Callable[[BusEvent], None]
    count: Callable[[int], None]
    cost: Callable[[float], int]


@dataclass(frozen=True, slots=True)
class WatchRuns:
    """Does the work of runs that watch a monitor's subject."""

    deps: WatchDeps
    objects: ItemObjects
    transfers: Transfers
    locations: GrantedLocations
    judging: JudgingJobs
    baselines: GivenBaselines

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Look and write the report, or tell of it.

        Raises:
            NotFound: the monitor is gone, or there is no such bucket.
            InvalidInput: the tenant may not use a location, or a file is not of data capture.
            Transient, Throttled, ModelFailure: texts could not be embedded.
        """
        work = run.work
        if not isinstance(work, WatchWork):
            raise Unsupported("This run watches no monitor.", field="work.kind")
        if place.phase == "judging":
            return self._judge(run, work, place)
        if place.phase == "telling":
            return self._tell(run, place)
        return self._look(run, work)

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Cancel the evaluation of answers; a report is written in one step."""
        self.judging.cancel(run)
        return None

    def _look(self, run: Run, work: WatchWork) -> RunStep:
        from chalicelib.monitoring.looks import LookRequest, Watcher

        monitor = self.deps.records.monitor(run.tenant, work.monitor)
        if monitor is None:
            raise NotFound(f"There is no monitor {work.monitor}.", field="work.monitor")
        folders = list(run_folders(run, work.results, self.locations))
        watcher = Watcher(self.deps.embedder, self.deps.baselines, self.deps.cost)
        found = watcher.look(
            LookRequest(
                tenant=run.tenant,
                monitor=monitor,
                source=CAPTURES if work.source is None else work.source.uri,
                calls=self._calls(run, work, monitor),
                before=self.deps.records.report(run.tenant, work.monitor),
                before_of=functools.partial(self.deps.records.report, run.tenant, work.monitor),
                run_id=run.job_id,
                now=run.now,
                correlation_id=run.correlation_id,
                given=self.baselines.given(run, work.baseline, monitor),
            )
        )
        sizes = self._write(run, folders, _files(found))
        for folder in folders if work.data_capture else ():
            self._export(folder, run, found.calls)
        checkpoint = RunCheckpoint(
            phase="telling",
            state={"files": sizes},
            receipt=found.report.receipt,
            results=tuple(folder.uri for folder in folders),
        )
        if work.judge is None or found.window is None:
            return RunStep(checkpoint, JobCounts(total=1))
        child = self.judging.launch(run, work.judge, found.calls)
        if not child:
            return RunStep(checkpoint, JobCounts(total=1))
        judging = checkpoint.model_copy(update={"phase": "judging", "child": child})
        return RunStep(judging, JobCounts(total=1), next="wait", seconds=MIN_WAIT_SECONDS)

    def _judge(self, run: Run, work: WatchWork, place: RunCheckpoint) -> RunStep:
        """Wait for the evaluation of answers, and add what it found to the report."""
        graded = self.judging.ended(run, place)
        if isinstance(graded, int):
            return RunStep(place, JobCounts(total=1), next="wait", seconds=graded)
        from chalicelib.monitoring.judged_answers import MIN_GRADED, with_quality
        from chalicelib.monitoring.pages import report_page

        report = self._report(run)
        lines = (*report.receipt.lines, *graded.receipt.lines)
        report = report.model_copy(update={"receipt": Receipt.of(lines)})
        monitor = self.deps.records.monitor(run.tenant, work.monitor)
        if graded.calls >= MIN_GRADED and monitor is not None:
            before = self.deps.records.report(run.tenant, work.monitor, report.version)
            report = with_quality(report, before, graded.calls, graded.passed, monitor.min_psi)
        plots = self.objects.read(run.bucket, run.prefix + PLOTS)
        files = {JSON: _json(report), PAGE: report_page(report, plots)}
        folders = list(run_folders(run, work.results, self.locations))
        sizes = {**place.state["files"], **self._write(run, folders, files)}
        update = {"phase": "telling", "state": {"files": sizes}, "receipt": report.receipt}
        return RunStep(place.model_copy(update=update), JobCounts(total=1))

    def _report(self, run: Run) -> DriftReport:
        from chalicelib.contracts.drift import DriftReport

        return DriftReport.model_validate_json(self.objects.read(run.bucket, run.prefix + JSON))

    def _write(
        self, run: Run, folders: Sequence[S3Location], files: Mapping[str, bytes]
    ) -> dict[str, int]:
        """Write files of the report to every place that they go to; return their sizes."""
        for name, body in files.items():
            self.objects.write(run.bucket, run.prefix + name, body, {})
            for folder in folders:
                target = S3Location(folder.bucket, folder.key + name)
                self.transfers.put_object(target, body, _TYPES.get(name, "application/json"))
        return {name: len(body) for name, body in files.items()}

    def _tell(self, run: Run, place: RunCheckpoint) -> RunStep:
        report = self._report(run)
        if report.news:
            self.deps.publish(_event(run, report, place.results))
            self.deps.count(len(report.news))
        from chalicelib.monitoring.judged_answers import with_known_quality

        before = self.deps.records.report(run.tenant, report.monitor, report.version)
        self.deps.records.put_report(run.tenant, with_known_quality(report, before))
        done = place.model_copy(
            update={
                "phase": "done",
                "watermark": Watermark(at=run.order.scheduled_at),
                "notes": _notes(report),
            }
        )
        files = tuple(ResultFile(name, size) for name, size in place.state["files"].items())
        end: JobEnd = "partial" if report.drifted else "succeeded"
        return RunStep(done, JobCounts(total=1, done=1), end=end, files=files)

    def _calls(self, run: Run, work: WatchWork, monitor: Monitor) -> WatchedCalls:
        from chalicelib.monitoring.watched_calls import ArchivedCalls, GivenCalls

        if work.source is None:
            retention = timedelta(days=monitor.retention_days)
            return ArchivedCalls(self.deps.archive, run.tenant, monitor.subject, run.now, retention)
        calls = self._captured_files(run, work.source.uri, monitor)
        return GivenCalls(sorted(calls, key=lambda call: call.id))

    def _captured_files(self, run: Run, uri: str, monitor: Monitor) -> Iterator[CapturedCall]:
        from chalicelib.monitoring.data_capture import read_capture_file

        granted = self.locations.granted(run.tenant, writes=False)
        place = check_location(uri, run.tenant, run.bucket, granted, writes=False)
        listed = (one for one in self.transfers.listed(place) if one.key.endswith(".jsonl"))
        size = 0
        for one in heapq.nlargest(MAX_FILES, listed, key=lambda each: _hour(each.key)):
            if one.size > MAX_FILE_BYTES:
                raise InvalidInput(
                    f"{one.key} has {one.size} bytes; a file of data capture that is read has"
                    f" {MAX_FILE_BYTES} at most.",
                    field="work.source",
                    limit=f"{MAX_FILE_BYTES} bytes",
                )
            size += one.size
            if size > MAX_CAPTURE_BYTES:
                return
            body = self.objects.read(place.bucket, one.key)
            yield from read_capture_file(body, one.key, monitor.subject)

    def _export(self, folder: S3Location, run: Run, calls: Sequence[CapturedCall]) -> None:
        from chalicelib.monitoring.data_capture import capture_files

        for name, body in capture_files(calls, run.job_id).items():
            target = S3Location(folder.bucket, f"{folder.key}data-capture/{name}")
            self.transfers.put_object(target, body, "application/jsonlines")


def _hour(key: str) -> list[str]:
    """Return what of a key tells its time, behind endpoint and variant: yyyy, mm, dd, hh, name."""
    return key.split("/")[-5:]


def _files(found: LookResult) -> dict[str, bytes]:
    """Return the report as JSON and as a page, and its plots if there is something to plot."""
    from chalicelib.monitoring.pages import report_page

    plots = None
    if found.baseline is not None and found.window is not None:
        from chalicelib.monitoring.plots import draw_report

        plots = draw_report(found.report, found.baseline.values, found.window)
    files = {
        JSON: _json(found.report),
        PAGE: report_page(found.report, plots),
    }
    if found.baseline is not None:
        from chalicelib.monitoring.model_monitor import baseline_files

        files |= baseline_files(found.baseline.values)
    return files if plots is None else files | {PLOTS: plots}


def _json(report: DriftReport) -> bytes:
    return report.model_dump_json(indent=2).encode()


def _event(run: Run, report: DriftReport, results: Sequence[str]) -> DriftDetected:
    from chalicelib.contracts.drift import DriftDetected

    return DriftDetected(
        tenant=run.tenant,
        monitor=report.monitor,
        subject=report.subject,
        version=report.version,
        schedule=run.order.schedule,
        run_id=run.job_id,
        news=report.news,
        features=tuple(each for each in report.features if each.drifted),
        results=tuple(results),
        correlation_id=run.correlation_id,
        time=run.now,
    )


def _notes(report: DriftReport) -> tuple[str, ...]:
    """Return what the history of the schedule says of the look."""
    match report.status:
        case "no_calls":
            return ("nothing is captured",)
        case "collecting":
            return (f"version {report.version} has no baseline yet",)
        case "too_few":
            return (f"too few calls follow the baseline of version {report.version}",)
        case "steady":
            return (f"nothing has drifted in {report.window_calls} calls", *_quality(report))
    drifted = (
        f"{each.name} has drifted: {each.baseline:.4g} -> {each.window:.4g}"
        for each in report.features
        if each.drifted
    )
    return (*drifted, *_quality(report))


def _quality(report: DriftReport) -> tuple[str, ...]:
    found = report.quality
    if found is None:
        return ()
    return (f"{found.passed} of {found.calls} graded answers passed",)
