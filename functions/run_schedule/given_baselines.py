"""Baselines of versions from statistics of Model Monitor or from evaluations, named by a watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput, NotFound
from chalicelib.schedules.locations import check_location

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.captures import CapturedCall
    from chalicelib.contracts.monitors import BaselineSource, Monitor
    from chalicelib.monitoring.features import FeatureValues
    from chalicelib.monitoring.looks import GivenBaseline
    from functions.run_schedule.destinations import GrantedLocations, Transfers
    from functions.run_schedule.kind import Run

MAX_STATISTICS_BYTES = 4 * 1024 * 1024
"""Of a file of Model Monitor: a feature has 40 KB at most, its sketch."""


@dataclass(frozen=True, slots=True)
class GivenBaselines:
    """Reads baselines from where a watch says; nothing is read while the version has one."""

    objects: ItemObjects
    transfers: Transfers
    locations: GrantedLocations

    def given(
        self, run: Run, source: BaselineSource | None, monitor: Monitor
    ) -> GivenBaseline | None:
        """Return what a version's baseline is to be made of, None for its captured calls.

        Reading it raises `NotFound` if there is no such evaluation or file, and `InvalidInput` if
        it says too little, or the tenant may not read it.
        """
        if source is None:
            return None
        from chalicelib.monitoring.evaluated_calls import EVALUATED_FEATURES
        from chalicelib.monitoring.looks import GivenBaseline

        if source.statistics is not None:
            return GivenBaseline(
                source.version, source.statistics, lambda: self._statistics(run, source)
            )
        return GivenBaseline(
            source.version,
            f"evaluation {source.evaluation}/{source.target}".rstrip("/"),
            lambda: self._evaluated(run, source, monitor),
            EVALUATED_FEATURES,
        )

    def _evaluated(
        self, run: Run, source: BaselineSource, monitor: Monitor
    ) -> Sequence[CapturedCall]:
        from chalicelib.evaluation.storage import read_input, read_results
        from chalicelib.monitoring.evaluated_calls import evaluated_calls

        name = source.evaluation or ""
        try:
            result = read_results(self.objects, run.bucket, run.tenant, name)
            given = read_input(self.objects, run.bucket, f"jobs/{run.tenant}/{name}/")
        except NotFound as error:
            raise NotFound(
                f"The evaluation {name} has no results: it has not ended, or ended more than seven "
                "days ago. Run it again.",
                field="work.baseline.evaluation",
            ) from error
        return evaluated_calls(result, given.suite, source.target, monitor.subject, source.version)

    def _statistics(self, run: Run, source: BaselineSource) -> FeatureValues:
        from chalicelib.monitoring.model_monitor import read_baseline_files

        constraints = source.constraints
        return read_baseline_files(
            self._file(run, source.statistics or ""),
            None if constraints is None else self._file(run, constraints),
        )

    def _file(self, run: Run, uri: str) -> bytes:
        granted = self.locations.granted(run.tenant, writes=False)
        place = check_location(uri, run.tenant, run.bucket, granted, writes=False)
        size = next((one.size for one in self.transfers.listed(place) if one.key == place.key), 0)
        if size > MAX_STATISTICS_BYTES:
            raise InvalidInput(
                f"{uri} has {size} bytes; a file of a baseline has {MAX_STATISTICS_BYTES} at most.",
                field="work.baseline",
                limit=f"{MAX_STATISTICS_BYTES} bytes",
            )
        return self.objects.read(place.bucket, place.key)
