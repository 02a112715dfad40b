"""What watches a stage, from its CloudFormation types: alarms, dashboards, filters of logs.

CloudWatch's engine keeps them and shows them; nothing is measured on one machine, so no alarm ever
goes off. What only a person or a bill could answer is refused.
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

_ALARM_NUMBERS = ("Period", "EvaluationPeriods", "DatapointsToAlarm")
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


def _alarm(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("AlarmName") or shop.physical_name(logical_id)
    wanted: dict[str, Any] = {key: properties[key] for key in _ALARM if key in properties}
    wanted |= {key: int(properties[key]) for key in _ALARM_NUMBERS if key in properties}
    if "Threshold" in properties:
        wanted["Threshold"] = float(properties["Threshold"])
    if "Metrics" in properties:
        wanted["Metrics"] = [_query(logical_id, query) for query in properties["Metrics"]]
    if ("Metrics" in wanted) == ("MetricName" in wanted):
        raise TemplateError(f"{logical_id} watches either a MetricName or Metrics.")
    shop.client("cloudwatch").put_metric_alarm(AlarmName=name, **wanted)
    return CreatedResource(name, {"Arn": shop.context.arn("cloudwatch", f"alarm:{name}")})


def _query(logical_id: str, query: Properties) -> dict[str, Any]:
    """Return one metric or expression; an alarm's expressions search for nothing."""
    if "SEARCH(" in query.get("Expression", ""):
        raise TemplateError(f"{logical_id}: an alarm cannot be set on a SEARCH expression.")
    made = dict(query)
    if "MetricStat" in made:
        made["MetricStat"] = {**made["MetricStat"], "Period": int(made["MetricStat"]["Period"])}
    return made


def _dashboard(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("DashboardName") or shop.physical_name(logical_id)
    body = scalar_text(properties["DashboardBody"], f"{logical_id}: DashboardBody")
    try:
        json.loads(body)
    except ValueError as error:
        raise TemplateError(f"{logical_id}: DashboardBody is no JSON: {error}") from error
    shop.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    return CreatedResource(name)


def _metric_filter(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    name = properties.get("FilterName") or shop.physical_name(logical_id)
    logs, group = shop.client("logs"), properties["LogGroupName"]
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_metric_filter(logGroupName=group, filterName=name)
    logs.put_metric_filter(
        logGroupName=group,
        filterName=name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=[
            {key[0].lower() + key[1:]: value for key, value in each.items()}
            for each in properties["MetricTransformations"]
        ],
    )
    return CreatedResource(name)


def _topic_policy(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    for arn in properties["Topics"]:
        shop.client("sns").set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(properties["PolicyDocument"]),
        )
    return CreatedResource(logical_id)


def _subscription(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    raise TemplateError(
        f"{logical_id}: the local cloud tells nobody; leave out the address, or deploy to AWS."
    )


def _budget(shop: StackContext, logical_id: str, properties: Properties) -> CreatedResource:
    raise TemplateError(
        f"{logical_id}: the local cloud has no bill to hold to a budget; leave it at 0."
    )


TYPES: Mapping[str, ResourceType] = {
    "AWS::CloudWatch::Alarm": ResourceType(
        frozenset({"AlarmName", "Threshold", "Metrics", *_ALARM, *_ALARM_NUMBERS}),
        _alarm,
        required=frozenset({"ComparisonOperator", "EvaluationPeriods"}),
        inert=frozenset({"Tags"}),
    ),
    "AWS::CloudWatch::Dashboard": ResourceType(
        frozenset({"DashboardName"}),
        _dashboard,
        required=frozenset({"DashboardBody"}),
        inert=frozenset({"Tags"}),
    ),
    "AWS::Logs::MetricFilter": ResourceType(
        frozenset({"FilterName"}),
        _metric_filter,
        required=frozenset({"LogGroupName", "FilterPattern", "MetricTransformations"}),
    ),
    "AWS::SNS::TopicPolicy": ResourceType(
        frozenset(), _topic_policy, required=frozenset({"Topics", "PolicyDocument"})
    ),
    "AWS::SNS::Subscription": ResourceType(
        frozenset({"Endpoint"}), _subscription, required=frozenset({"TopicArn", "Protocol"})
    ),
    "AWS::Budgets::Budget": ResourceType(
        frozenset({"NotificationsWithSubscribers"}),
        _budget,
        required=frozenset({"Budget"}),
        inert=frozenset({"ResourceTags"}),
    ),
}
