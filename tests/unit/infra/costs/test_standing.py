from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import NotFound
from chalicelib.generation.catalogue import catalogue
from infra.costs.idle import (
    ALWAYS_FREE,
    FREE,
    RULES,
    SECONDS,
    IdleCharge,
    UnknownCostError,
    cost_lines,
    idle_charges,
)

FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {"MemorySize": 512, "Architectures": [{"Ref": "Architecture"}]},
}
PARAMETERS = {
    "Architecture": {"Type": "String", "Default": "arm64"},
    "Alarms": {"Type": "String", "Default": "off"},
}
CONDITIONS = {"WithAlarms": {"Fn::Equals": [{"Ref": "Alarms"}, "on"]}}


def stage(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Parameters": PARAMETERS, "Conditions": CONDITIONS, "Resources": resources}


def one(kind: str, /, **properties: Any) -> list[IdleCharge]:
    made = {"Type": kind, "Properties": properties}
    return idle_charges(stage(It=made, Function=FUNCTION), {})


def test_a_type_that_nobody_priced_should_be_refused_by_name() -> None:
    with pytest.raises(UnknownCostError, match=r"It is a AWS::EC2::NatGateway"):
        one("AWS::EC2::NatGateway")


def test_no_type_should_be_both_free_and_charged() -> None:
    assert not FREE.keys() & RULES.keys()


@pytest.mark.parametrize(
    ("kind", "properties", "why"),
    [
        ("AWS::DynamoDB::Table", {"BillingMode": "PROVISIONED"}, "not on demand"),
        ("AWS::DynamoDB::Table", {}, "not on demand"),
        ("AWS::ApiGateway::Stage", {"CacheClusterEnabled": True}, "a cache"),
        ("AWS::Lambda::EventSourceMapping", {"ProvisionedPollerConfig": {}}, "pollers of its own"),
        ("AWS::Lambda::Alias", {"ProvisionedConcurrencyConfig": {}}, "keeps functions running"),
        ("AWS::Events::Rule", {"ScheduleExpression": "cron(0 8 * * ? *)"}, "only rates"),
    ],
)
def test_what_is_billed_by_the_hour_should_be_refused(
    kind: str, properties: dict[str, Any], why: str
) -> None:
    with pytest.raises(UnknownCostError, match=why):
        one(kind, **properties)


@pytest.mark.parametrize(
    ("kind", "properties", "unit", "quantity"),
    [
        ("AWS::KMS::Key", {}, "kms.key_month", 1),
        ("AWS::CloudWatch::Dashboard", {}, "cloudwatch.dashboard_month", 1),
        ("AWS::CloudWatch::CompositeAlarm", {}, "cloudwatch.alarm.composite_month", 1),
        ("AWS::CloudWatch::Alarm", {"MetricName": "Errors"}, "cloudwatch.alarm.metric_month", 1),
        (
            "AWS::CloudWatch::Alarm",
            {"Metrics": [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a+b"}]},
            "cloudwatch.alarm.metric_month",
            2,
        ),
        # 730 hours of two pollers, each asking three times a minute.
        ("AWS::Lambda::EventSourceMapping", {}, "sqs.request", 262_800),
        ("AWS::Lambda::EventSourceMapping", {"ScalingConfig": {}}, "sqs.request", 657_000),
        (
            "AWS::Lambda::EventSourceMapping",
            {"ScalingConfig": {"Ref": "AWS::NoValue"}},
            "sqs.request",
            262_800,
        ),
    ],
)
def test_what_stands_should_be_charged(
    kind: str, properties: dict[str, Any], unit: str, quantity: int
) -> None:
    assert [(each.unit, each.quantity) for each in one(kind, **properties)] == [
        (unit, Decimal(quantity))
    ]


def test_a_source_that_is_switched_off_should_cost_nothing() -> None:
    assert one("AWS::Lambda::EventSourceMapping", Enabled="false") == []


def test_a_schedule_should_be_charged_what_its_function_uses() -> None:
    target = {"Arn": {"Fn::GetAtt": ["Function", "Arn"]}}
    found = one("AWS::Events::Rule", ScheduleExpression="rate(15 minutes)", Targets=[target])
    by_unit = {each.unit: each.quantity for each in found}
    assert by_unit["lambda.request"] == 2_920
    assert by_unit["lambda.gb_second.arm64"] == 1_460


def test_a_rule_without_a_schedule_should_cost_nothing() -> None:
    assert one("AWS::Events::Rule", EventPattern={"source": ["aws.s3"]}) == []


def test_a_snapshot_should_be_charged_by_the_memory_of_its_function() -> None:
    function = {**FUNCTION, "Properties": {"MemorySize": 2048, "SnapStart": {"ApplyOn": "x"}}}
    version = {
        "Type": "AWS::Lambda::Version",
        "Properties": {"FunctionName": {"Ref": "Function"}},
    }
    charges = idle_charges(stage(Function=function, Version=version), {})
    assert [(each.unit, each.quantity) for each in charges] == [
        ("lambda.snapstart.cache.gb_second", Decimal(2 * SECONDS))
    ]
    version["Properties"] = {"FunctionName": {"Ref": "Plain"}}
    assert idle_charges(stage(Plain=FUNCTION, Version=version), {}) == []


def test_what_a_condition_leaves_out_should_cost_nothing() -> None:
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Condition": "WithAlarms", "Properties": {}}
    assert idle_charges(stage(Alarm=alarm), {}) == []
    assert len(idle_charges(stage(Alarm=alarm), {"Alarms": "on"})) == 1


@given(st.lists(st.sampled_from(sorted(ALWAYS_FREE)), max_size=30), st.integers(0, 10**7))
def test_only_what_goes_beyond_the_allowance_should_be_charged(
    units: list[str],
    quantity: int,
) -> None:
    charges = [IdleCharge("It", unit, Decimal(quantity), "") for unit in units]
    found = cost_lines(charges, catalogue())
    assert {line.unit for line in found} == set(units)
    for line in found:
        assert line.quantity == quantity * units.count(line.unit)
        free = min(line.quantity, ALWAYS_FREE[line.unit]) * catalogue().price(line.unit).dollars
        assert line.listed - line.charged == free


def hosted(variant: dict[str, Any], **more: dict[str, Any]) -> list[IdleCharge]:
    """Return what an endpoint of one variant stands for."""
    written = variant if "Fn::If" in variant else {"ModelName": {"Ref": "Elsewhere"}, **variant}
    config = {"ProductionVariants": [written, {"Ref": "AWS::NoValue"}]}
    made = {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}}
    return idle_charges(
        stage(
            Config={"Type": "AWS::SageMaker::EndpointConfig", "Properties": config},
            Hosted={"Type": "AWS::SageMaker::Endpoint", "Properties": made},
            **more,
        ),
        {},
    )


def target(least: int, endpoint: str = "Hosted") -> dict[str, Any]:
    resource = {"Fn::Sub": f"endpoint/${{{endpoint}.EndpointName}}/variant/main"}
    kind = "AWS::ApplicationAutoScaling::ScalableTarget"
    return {"Type": kind, "Properties": {"ResourceId": resource, "MinCapacity": least}}


INSTANCES = {"InstanceType": "ml.inf2.xlarge", "InitialInstanceCount": 2}


def test_an_endpoint_should_be_charged_the_instances_that_stand_when_nothing_is_asked() -> None:
    (charge,) = hosted(INSTANCES)
    assert charge.unit == "sagemaker.hosting.ml.inf2.xlarge.hour"
    assert charge.quantity == 2 * 730
    (charge,) = hosted(INSTANCES, Target=target(1))
    assert charge.quantity == 730
    assert hosted(INSTANCES, Target=target(0)) == []
    (charge,) = hosted(INSTANCES, Target=target(0, endpoint="Another"))
    assert charge.quantity == 2 * 730, "another's scaling scales another"
    assert hosted({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}) == []


def test_a_variant_should_be_charged_only_where_its_condition_holds() -> None:
    nothing = {"Ref": "AWS::NoValue"}
    assert hosted({"Fn::If": ["WithAlarms", INSTANCES, nothing]}) == []
    (charge,) = hosted({"Fn::If": ["WithAlarms", nothing, INSTANCES]})
    assert charge.quantity == 2 * 730


def test_instances_that_stand_without_a_price_should_be_told_by_their_unit() -> None:
    with pytest.raises(NotFound, match=r"sagemaker\.hosting\.ml\.inf2\.xlarge\.hour"):
        cost_lines(hosted(INSTANCES), catalogue())
