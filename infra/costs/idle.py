"""Monthly cost of an idle stage, resource by resource.

Every resource type has a rule or is listed as free when idle. Any other type is refused, so that
nothing can be added to the template without its price.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.generation.catalogue import Catalogue
from infra.cloudformation.intrinsics import NO_VALUE, TemplateScope

Properties = Mapping[str, Any]

HOURS = 730
"""Hours of a month, as AWS's own calculator has them."""
SECONDS = HOURS * 3600

_PSEUDO = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "stack",
    "AWS::StackName": "headrace",
    "AWS::URLSuffix": "amazonaws.com",
}

IDLE_POLLERS = 2
"""Lambda reads a queue that brings nothing with as few as two pollers.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""
BOUNDED_POLLERS = 5
"""It keeps five where a maximum of concurrency is set."""
_POLL_SECONDS = 20

SWEEP_SECONDS = Decimal("1")
"""Seconds billed to a scheduled function that finds nothing, with its start; rounded up."""

SWEEP_READS: Mapping[str, int] = {"SweepSweepEvent": 2, "SweepJobsSweepJobsEvent": 6}
"""Queries of a sweep that finds nothing, by its rule, as counted on a local cloud.

That of jobs also looks for overdue schedules, entries in doubt, seats and waiting runs.
"""

SWEEP_LOG_BYTES = Decimal(2048)
"""Bytes that it logs then, with the three lines that Lambda adds; rounded up."""

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_RATE_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


class UnknownCostError(ValueError):
    """Raised when a resource type has no idle price on record."""


_NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True, slots=True)
class IdleCharge:
    """The `quantity` of `unit` that one resource costs a month, and why."""

    resource: str
    unit: str
    quantity: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class PricedStage:
    """A plain template with the values of its parameters."""

    template: Mapping[str, Any]
    scope: TemplateScope

    @classmethod
    def of(cls, template: Mapping[str, Any], parameters: Mapping[str, str]) -> PricedStage:
        """Read `template` with `parameters`.

        Raises:
            TemplateError: a parameter value is not allowed.
        """
        return cls(template, TemplateScope(template, parameters, _PSEUDO))

    def resources(self) -> Iterator[tuple[str, str, Properties]]:
        """Yield name, type and properties of the resources whose conditions hold."""
        for name, resource in self.template["Resources"].items():
            condition = resource.get("Condition")
            if condition is None or self.scope.condition_holds(condition):
                yield name, resource["Type"], resource.get("Properties", {})

    def value(self, properties: Properties, name: str, default: Any) -> Any:
        """Return the resolved value of a property."""
        return self.scope.resolve(properties[name]) if name in properties else default

    def chosen(self, value: Any) -> Any:
        """Return the branch that holds of a value that may be an `Fn::If`, without resolving it."""
        while isinstance(value, dict) and value.keys() == {"Fn::If"}:
            condition, then, otherwise = value["Fn::If"]
            value = then if self.scope.condition_holds(condition) else otherwise
        return value

    def referred(self, reference: Any) -> Properties:
        """Return the properties of the resource that an attribute or text refers to."""
        named = re.findall(r"[A-Za-z0-9]+(?=\.)", json.dumps(reference)) or [""]
        if isinstance(reference, dict) and "Fn::GetAtt" in reference:
            named = [reference["Fn::GetAtt"][0]]
        properties: Properties = self.template["Resources"].get(named[0], {}).get("Properties", {})
        return properties

    def function(self, arn: Any) -> Properties:
        """Return the properties of the function that an ARN or a name refers to."""
        name = arn.get("Ref") or arn["Fn::GetAtt"][0] if isinstance(arn, dict) else ""
        target = self.template["Resources"].get(name, {})
        if target.get("Type") == "AWS::Lambda::Alias":
            return self.function(target["Properties"]["FunctionName"])
        found: Properties = target.get("Properties", {})
        return found


Rule = Callable[[PricedStage, str, Properties], Iterator[IdleCharge]]


def _alarm(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    metrics = [each for each in properties.get("Metrics", ()) if "MetricStat" in each]
    quantity = Decimal(max(1, len(metrics)))
    yield IdleCharge(name, "cloudwatch.alarm.metric_month", quantity, "each metric that it watches")


def _composite_alarm(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    yield IdleCharge(name, "cloudwatch.alarm.composite_month", Decimal(1), "a composite alarm")


def _dashboard(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    yield IdleCharge(name, "cloudwatch.dashboard_month", Decimal(1), "a dashboard")


def _key(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    yield IdleCharge(
        name, "kms.key_month", Decimal(1), "a key; its first two rotations add as much"
    )


def _version(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    function = stage.function(properties["FunctionName"])
    if stage.value(function, "SnapStart", {}).get("ApplyOn", "None") == "None":
        return
    gigabytes = Decimal(stage.value(function, "MemorySize", 128)) / 1024
    yield IdleCharge(
        name, "lambda.snapstart.cache.gb_second", gigabytes * SECONDS, "a snapshot kept"
    )


def _source(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    if not _is_on(stage.value(properties, "Enabled", True)):
        return
    if "ProvisionedPollerConfig" in properties:
        raise UnknownCostError(f"{name} has pollers of its own, which are billed by the hour.")
    bound = stage.value(properties, "ScalingConfig", NO_VALUE)
    pollers = IDLE_POLLERS if bound is NO_VALUE else BOUNDED_POLLERS
    polls = Decimal(pollers * SECONDS) / _POLL_SECONDS
    yield IdleCharge(name, "sqs.request", polls, f"{pollers} pollers, each asking every 20 s")


def _rule(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    expression = stage.value(properties, "ScheduleExpression", "")
    if not expression or stage.value(properties, "State", "ENABLED") != "ENABLED":
        return
    rate = _RATE.fullmatch(expression)
    if rate is None:
        raise UnknownCostError(f"{name} runs at {expression!r}; only rates are counted.")
    times = Decimal(SECONDS) / (int(rate[1]) * _RATE_SECONDS[rate[2]])
    for target in properties.get("Targets", ()):
        function = stage.function(target["Arn"])
        if function:
            yield from _runs(stage, name, function, times)


def _runs(
    stage: PricedStage, name: str, function: Properties, times: Decimal
) -> Iterator[IdleCharge]:
    gigabytes = Decimal(stage.value(function, "MemorySize", 128)) / 1024
    architecture = stage.value(function, "Architectures", ["x86_64"])[0]
    yield IdleCharge(name, "lambda.request", times, "a sweep that finds nothing")
    yield IdleCharge(
        name,
        f"lambda.gb_second.{architecture}",
        times * gigabytes * SWEEP_SECONDS,
        f"its {SWEEP_SECONDS} s at most",
    )
    reads = times * SWEEP_READS.get(name, max(SWEEP_READS.values()))
    yield IdleCharge(name, "dynamodb.read_request_unit", reads, "the records that it looks for")
    yield IdleCharge(name, "cloudwatch.logs.gb", times * SWEEP_LOG_BYTES / 1024**3, "what it logs")
    tracing = stage.value(function, "TracingConfig", {}).get("Mode", "PassThrough")
    if tracing == "Active":
        yield IdleCharge(name, "xray.trace", times, "a trace of each, which are few enough for all")


def _table(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    if stage.value(properties, "BillingMode", "PROVISIONED") != "PAY_PER_REQUEST":
        raise UnknownCostError(f"{name} is not on demand: capacity is billed by the hour.")
    yield from ()


def _api_stage(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    if _is_on(stage.value(properties, "CacheClusterEnabled", False)):
        raise UnknownCostError(f"{name} has a cache, which is billed by the hour.")
    yield from ()


def _alias(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    if "ProvisionedConcurrencyConfig" in properties:
        raise UnknownCostError(f"{name} keeps functions running, which are billed by the hour.")
    yield from ()


def _endpoint(stage: PricedStage, name: str, properties: Properties) -> Iterator[IdleCharge]:
    """Yield the instance hours of an idle endpoint.

    That is the minimum that the endpoint scales down to, or the initial count if nothing scales it.
    A serverless endpoint has none.
    """
    config = stage.referred(properties["EndpointConfigName"])
    least = [
        int(stage.value(target, "MinCapacity", 0))
        for _, kind, target in stage.resources()
        if kind == "AWS::ApplicationAutoScaling::ScalableTarget"
        and stage.referred(target["ResourceId"]) is properties
    ]
    for written in config["ProductionVariants"]:
        given = stage.chosen(written)
        if given == _NO_VALUE:
            continue
        counted = ("ServerlessConfig", "InstanceType", "InitialInstanceCount")
        variant = stage.scope.resolve({name: given[name] for name in counted if name in given})
        if "ServerlessConfig" not in variant:
            count = min(least, default=int(variant["InitialInstanceCount"]))
            if count:
                unit = f"sagemaker.hosting.{variant['InstanceType']}.hour"
                yield IdleCharge(name, unit, Decimal(count * HOURS), "instances that stand")


def _is_on(value: Any) -> bool:
    return str(value).lower() == "true"


RULES: Mapping[str, Rule] = {
    "AWS::ApiGateway::Stage": _api_stage,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _composite_alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::Events::Rule": _rule,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::EventSourceMapping": _source,
    "AWS::Lambda::Version": _version,
    "AWS::SageMaker::Endpoint": _endpoint,
}
"""Types that may cost while they stand, or must not be of the kind that does."""

FREE: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "scaling is free; what is scaled is not",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "the same; its alarms count among an account's",
    "AWS::ApiGateway::Account": "a setting",
    "AWS::ApiGateway::Deployment": "a REST API is billed by request",
    "AWS::ApiGateway::RestApi": "a REST API is billed by request",
    "AWS::Budgets::Budget": "a budget that only tells is free",
    "AWS::Events::EventBus": "billed by event",
    "AWS::IAM::Role": "IAM is free",
    "AWS::IAM::RolePolicy": "IAM is free",
    "AWS::KMS::Alias": "a name",
    "AWS::Lambda::Function": "billed by request and time; 75 GB of code are free",
    "AWS::Lambda::Permission": "a policy",
    "AWS::Logs::LogGroup": "billed by what is written and kept",
    "AWS::Logs::MetricFilter": "a metric is billed in the hours in which a line matches",
    "AWS::S3::Bucket": "billed by what it holds",
    "AWS::S3::BucketPolicy": "a policy",
    "AWS::S3Vectors::VectorBucket": "billed by what it holds",
    "AWS::SageMaker::EndpointConfig": "a description of what an endpoint is",
    "AWS::SageMaker::Model": "a description of where a model is",
    "AWS::SNS::Subscription": "billed by message",
    "AWS::SNS::Topic": "billed by message",
    "AWS::SNS::TopicPolicy": "a policy",
    "AWS::SQS::Queue": "billed by request",
    "AWS::SQS::QueuePolicy": "a policy",
    "AWS::Scheduler::ScheduleGroup": "billed by invocation of its schedules",
    "AWS::StepFunctions::StateMachine": "billed by transition or request",
}
"""Types that cost nothing while nothing happens, and why."""


def idle_charges(template: Mapping[str, Any], parameters: Mapping[str, str]) -> list[IdleCharge]:
    """Return the monthly charges of the idle resources of a plain `template`.

    Raises:
        UnknownCostError: a resource type, or a variant of it, has no price here.
    """
    stage = PricedStage.of(template, parameters)
    charges: list[IdleCharge] = []
    for name, kind, properties in stage.resources():
        if kind in RULES:
            charges.extend(RULES[kind](stage, name, properties))
        elif kind not in FREE:
            raise UnknownCostError(
                f"{name} is a {kind}, whose standing price is not known; add it to infra/costs."
            )
    return charges


@dataclass(frozen=True, slots=True)
class CostLine:
    """Total of one unit: dollars a month at list price, and beyond the permanent free tier."""

    unit: str
    quantity: Decimal
    listed: Decimal
    charged: Decimal


ALWAYS_FREE: Mapping[str, Decimal] = {
    "cloudwatch.alarm.metric_month": Decimal(10),
    "cloudwatch.dashboard_month": Decimal(3),
    "cloudwatch.logs.gb": Decimal(5),
    "cloudwatch.metric_month": Decimal(10),
    "lambda.gb_second.arm64": Decimal(400_000),
    "lambda.gb_second.x86_64": Decimal(400_000),
    "lambda.request": Decimal(1_000_000),
    "scheduler.invocation": Decimal(14_000_000),
    "sqs.request": Decimal(1_000_000),
    "xray.trace": Decimal(100_000),
}
"""Quantities that an account has free every month without end, by unit.

https://aws.amazon.com/free/ (always free); an account's other stages share it.
"""


def cost_lines(charges: list[IdleCharge], catalogue: Catalogue) -> list[CostLine]:
    """Return the charges summed by unit, most expensive first."""
    totals: dict[str, Decimal] = {}
    for charge in charges:
        totals[charge.unit] = totals.get(charge.unit, Decimal(0)) + charge.quantity
    lines = [_cost_line(unit, quantity, catalogue) for unit, quantity in totals.items()]
    return sorted(lines, key=lambda line: (-line.listed, line.unit))


def _cost_line(unit: str, quantity: Decimal, catalogue: Catalogue) -> CostLine:
    price = catalogue.price(unit).dollars
    beyond = max(Decimal(0), quantity - ALWAYS_FREE.get(unit, Decimal(0)))
    return CostLine(unit, quantity, quantity * price, beyond * price)
