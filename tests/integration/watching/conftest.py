"""A stage with everything on that watches it, applied to a local cloud in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.composition import run_cloud
from tests.architecture.templates import plain
from tests.cloud import PROJECT

VALUES = {
    "Stage": "local",
    "Architecture": "x86_64",
    "Alarms": "on",
    "Dashboard": "on",
    "CustomerKey": "on",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A metric as an alarm or a widget names it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Watched:
    """What CloudWatch, Logs and KMS have of the stage."""

    alarms: list[Any]
    widgets: list[Any]
    filters: list[Any]
    keys: list[Any]
    outputs: Mapping[str, Any]
    queues: frozenset[str]

    def named(self) -> list[Named]:
        """Return every metric that an alarm or the dashboard names."""
        return [*self._of_alarms(), *self._of_widgets()]

    def _of_alarms(self) -> Iterator[Named]:
        for alarm in self.alarms:
            yield from metrics_of(alarm)

    def _of_widgets(self) -> Iterator[Named]:
        for widget in self.widgets:
            for metric in widget["properties"].get("metrics", ()):
                words = [word for word in metric if isinstance(word, str)]
                dimensions = dict(zip(words[2::2], words[3::2], strict=True))
                yield Named(words[0], words[1], dimensions)


def metrics_of(alarm: Mapping[str, Any]) -> Iterator[Named]:
    """Yield the metrics that `alarm` watches, one or those of its expression."""
    queries = [query for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    for metric in [query["MetricStat"]["Metric"] for query in queries] or [alarm]:
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
        yield Named(metric["Namespace"], metric["MetricName"], dimensions)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Apply the template twice, which has to come to the same, and return what is there."""
    data = tmp_path_factory.mktemp("watched")
    first, second = (_applied(data) for _ in range(2))
    assert [key["KeyId"] for key in first.keys] == [key["KeyId"] for key in second.keys]
    return second


def _applied(data: Any) -> Watched:
    with run_cloud(data, plain("local"), VALUES, PROJECT, 0) as (cloud, outputs):
        cloudwatch, logs = cloud.client("cloudwatch"), cloud.client("logs")
        (entry,) = cloudwatch.list_dashboards()["DashboardEntries"]
        body = cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"]
        queues = cloud.client("sqs").list_queues()["QueueUrls"]
        return Watched(
            cloudwatch.describe_alarms()["MetricAlarms"],
            json.loads(body)["widgets"],
            logs.describe_metric_filters()["metricFilters"],
            cloud.client("kms").list_keys()["Keys"],
            outputs,
            frozenset(url.rpartition("/")[2] for url in queues),
        )
