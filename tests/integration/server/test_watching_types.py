"""Alarms, dashboards, filters and keys in the local cloud: made once, changed in place, refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.cloudformation.errors import TemplateError
from localcloud.clients import Clients
from localcloud.composition import run_cloud

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}],
}
ALARM = {
    "AlarmName": "failures",
    "Namespace": "Headrace/test",
    "MetricName": "FunctionFailures",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
}
FILTER = {
    "LogGroupName": {"Ref": "Logs"},
    "FilterPattern": '{ $.level = "ERROR" }',
    "MetricTransformations": [
        {"MetricNamespace": "Headrace/test", "MetricName": "FunctionFailures", "MetricValue": "1"}
    ],
}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


@contextmanager
def applied(folder: Path, **resources: Any) -> Iterator[tuple[Clients, Mapping[str, Any]]]:
    (folder / "project").mkdir(exist_ok=True)
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    template = {"Resources": resources, "Outputs": outputs}
    with run_cloud(folder / "data", template, {}, folder / "project", 0) as (cloud, made):
        yield cloud.client, made


def everything(threshold: int = 0, **rotation: bool) -> dict[str, Any]:
    return {
        "Key": resource("KMS::Key", KeyPolicy=POLICY, Description="data", **rotation),
        "Alias": resource("KMS::Alias", AliasName="alias/it", TargetKeyId={"Ref": "Key"}),
        "Logs": resource("Logs::LogGroup", LogGroupName="g", KmsKeyId={"Fn::GetAtt": "Key.Arn"}),
        "Filter": resource("Logs::MetricFilter", **FILTER),
        "Alarm": resource("CloudWatch::Alarm", **{**ALARM, "Threshold": threshold}),
        "Board": resource(
            "CloudWatch::Dashboard", DashboardName="board", DashboardBody='{"widgets": []}'
        ),
        "Topic": resource("SNS::Topic", KmsMasterKeyId={"Ref": "Alias"}),
        "TopicPolicy": resource(
            "SNS::TopicPolicy", Topics=[{"Ref": "Topic"}], PolicyDocument=POLICY
        ),
    }


def test_each_should_be_made_once_and_changed_in_place(tmp_path: Path) -> None:
    with applied(tmp_path, **everything()) as (client, first):
        assert not client("kms").get_key_rotation_status(KeyId=first["Key"])["KeyRotationEnabled"]
    (tmp_path / "data" / "template" / "headrace.json").unlink()
    with applied(tmp_path, **everything(5, EnableKeyRotation=True)) as (client, second):
        assert second == first
        kms, cloudwatch = client("kms"), client("cloudwatch")
        assert len(kms.list_keys()["Keys"]) == 1
        assert kms.get_key_rotation_status(KeyId=second["Key"])["KeyRotationEnabled"]
        (alias,) = [
            alias for alias in kms.list_aliases()["Aliases"] if alias["AliasName"] == "alias/it"
        ]
        assert alias["TargetKeyId"] == second["Key"]
        (alarm,) = cloudwatch.describe_alarms()["MetricAlarms"]
        assert (alarm["AlarmName"], alarm["Threshold"]) == ("failures", 5.0)
        (entry,) = cloudwatch.list_dashboards()["DashboardEntries"]
        assert entry["DashboardName"] == "board"
        (found,) = client("logs").describe_metric_filters()["metricFilters"]
        assert found["filterPattern"] == FILTER["FilterPattern"]


SEARCHED = [{"Id": "s", "Expression": "SEARCH('{AWS/Lambda} Errors', 'Sum', 300)"}]
WITHOUT_METRIC = {key: value for key, value in ALARM.items() if key != "MetricName"}


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("CloudWatch::Alarm", {**WITHOUT_METRIC, "Metrics": SEARCHED}, "SEARCH"),
        ("CloudWatch::Alarm", WITHOUT_METRIC, "either a MetricName or Metrics"),
        ("CloudWatch::Alarm", {**ALARM, "ThresholdMetricId": "a"}, "ThresholdMetricId"),
        ("CloudWatch::Dashboard", {"DashboardBody": "{"}, "DashboardBody is no JSON"),
        ("SNS::Subscription", {"TopicArn": "a", "Protocol": "email"}, "tells nobody"),
        ("Budgets::Budget", {"Budget": {}}, "no bill"),
        ("KMS::Key", {"KeyPolicy": POLICY, "MultiRegion": True}, "MultiRegion"),
        ("Lambda::Alias", {"FunctionName": "f", "Name": "a"}, "FunctionVersion"),
    ],
)
def test_what_cannot_be_had_here_should_be_refused(
    tmp_path: Path, kind: str, properties: dict[str, Any], words: str
) -> None:
    with (
        pytest.raises(TemplateError, match=words),
        applied(tmp_path, Made=resource(kind, **properties)),
    ):
        pass
