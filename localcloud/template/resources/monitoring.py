"""CloudWatch alarms, dashboards and logs; and budgets, which are refused.

moto keeps and shows them. Nothing is measured on one machine, so no alarm ever goes off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import scalar_text
from localcloud.template.stack import CreatedResource, ResourceType, StackContext

Properties = Mapping[str, Any]

_ALARM_INTEGERS = ("Period", "EvaluationPeriods", "DatapointsToAlarm")

_ALARM = (
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Dimensions",
    "Statistic",
    "ExtendedStatistic",
    "Unit",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
)


def _ensure_alarm(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("AlarmName") or stack.physical_name(logical_id)
    alarm: dict[str, Any] = {key: properties[key] for key in _ALARM if key in properties}
    alarm |= {key: int(properties[key]) for key in _ALARM_INTEGERS if key in properties}
    if "Threshold" in properties:
        alarm["Threshold"] = float(properties["Threshold"])
    if "Metrics" in properties:
        alarm["Metrics"] = [_metric_query(logical_id, query) for query in properties["Metrics"]]
    if ("Metrics" in alarm) == ("MetricName" in alarm):
        raise TemplateError(f"{logical_id} watches either a MetricName or Metrics.")
    stack.client("cloudwatch").put_metric_alarm(AlarmName=name, **alarm)
    return CreatedResource(name, {"Arn": stack.cloud.arn("cloudwatch", f"alarm:{name}")})


def _metric_query(logical_id: str, query: Properties) -> dict[str, Any]:
    """Return a metric or expression with its period as a number; refuse a SEARCH expression."""
    if "SEARCH(" in query.get("Expression", ""):
        raise TemplateError(f"{logical_id}: an alarm cannot be set on a SEARCH expression.")
    result = dict(query)
    if "MetricStat" in query:
        statistic = query["MetricStat"]
        result["MetricStat"] = {**statistic, "Period": int(statistic["Period"])}
    return result


def _ensure_dashboard(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("DashboardName") or stack.physical_name(logical_id)
    body = scalar_text(properties["DashboardBody"], f"{logical_id}: DashboardBody")
    try:
        json.loads(body)
    except ValueError as error:
        raise TemplateError(f"{logical_id}: DashboardBody is no JSON: {error}") from error
    stack.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    return CreatedResource(name)


def _ensure_log_group(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("LogGroupName") or stack.physical_name(logical_id)
    logs = stack.client("logs")
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=name)
    if "RetentionInDays" in properties:
        logs.put_retention_policy(
            logGroupName=name, retentionInDays=int(properties["RetentionInDays"])
        )
    else:
        logs.delete_retention_policy(logGroupName=name)
    return CreatedResource(name, {"Arn": stack.cloud.arn("logs", f"log-group:{name}:*")})


def _ensure_metric_filter(
    stack: StackContext, logical_id: str, properties: Properties
) -> CreatedResource:
    name = properties.get("FilterName") or stack.physical_name(logical_id)
    logs, group = stack.client("logs"), properties["LogGroupName"]
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_metric_filter(logGroupName=group, filterName=name)
    logs.put_metric_filter(
        logGroupName=group,
        filterName=name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=[
            {key[0].lower() + key[1:]: value for key, value in transformation.items()}
            for transformation in properties["MetricTransformations"]
        ],
    )
    return CreatedResource(name)


def _refuse_budget(stack: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    raise TemplateError(
        f"{logical_id}: the local cloud has no bill to hold to a budget; leave it at 0."
    )


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "AWS::CloudWatch::Alarm": ResourceType(
        frozenset({"AlarmName", "Threshold", "Metrics", *_ALARM, *_ALARM_INTEGERS}),
        _ensure_alarm,
        required=frozenset({"ComparisonOperator", "EvaluationPeriods"}),
        inert=frozenset({"Tags"}),
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(
        frozenset({"DashboardName"}),
        _ensure_dashboard,
        required=frozenset({"DashboardBody"}),
        inert=frozenset({"Tags"}),
    ),
    "AWS::Logs::LogGroup": ResourceType(
        frozenset({"LogGroupName", "RetentionInDays"}),
        _ensure_log_group,
        inert=frozenset({"KmsKeyId", "Tags"}),
    ),
    "AWS::Logs::MetricFilter": ResourceType(
        frozenset({"FilterName"}),
        _ensure_metric_filter,
        required=frozenset({"LogGroupName", "FilterPattern", "MetricTransformations"}),
    ),
    "AWS::Budgets::Budget": ResourceType(
        frozenset({"NotificationsWithSubscribers"}),
        _refuse_budget,
        required=frozenset({"Budget"}),
        inert=frozenset({"ResourceTags"}),
    ),
}
