"""The stage's own template, cut to what moto's CloudFormation can make."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.cloudformation.parsing import get_model_map

from infra.cloudformation.intrinsics import TemplateScope

Template = dict[str, Any]

LEFT_OUT: Mapping[str, str] = {
    "AWS::ApiGateway::Account": "moto has no such resource",
    "AWS::ApiGateway::Deployment": "belongs to the API",
    "AWS::ApiGateway::RestApi": "moto makes one without its body",
    "AWS::ApiGateway::Stage": "moto has no such resource",
    "AWS::Budgets::Budget": "moto has no such resource",
    "AWS::CloudWatch::Alarm": "moto has no such resource",
    "AWS::CloudWatch::CompositeAlarm": "moto has no such resource",
    "AWS::KMS::Alias": "moto has no such resource",
    "AWS::Lambda::Alias": "moto has no such resource",
    "AWS::Logs::MetricFilter": "moto has no such resource",
    "AWS::S3::BucketPolicy": "moto has no such resource",
    "AWS::S3Vectors::VectorBucket": "moto has no such resource; the tests make the bucket",
    "AWS::SNS::Subscription": "moto has no such resource",
    "AWS::SNS::TopicPolicy": "moto has no such resource",
    "AWS::SQS::QueuePolicy": "moto has no such resource",
    "AWS::Scheduler::ScheduleGroup": "moto has no such resource",
}
"""Types that are not deployed in these tests, and why."""

_API = "AWS::ApiGateway::"
_NOTHING = {"Ref": "AWS::NoValue"}
TRIED = "MaxRunningIngests"
"""The parameter by which the tests see what becomes of one that was given."""

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)(\.[^}]*)?\}")
_STAND_IN = "left-out"
_BUS = "AWS::Events::EventBus"


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What the parameters' defaults decide."""

    scope: TemplateScope
    defaults: Mapping[str, Any]

    def condition_holds(self, name: str) -> bool:
        return self.scope.condition_holds(name)


def is_left_out(kind: str) -> bool:
    """Say whether moto's CloudFormation cannot make a type as the template has it."""
    return kind not in get_model_map() or kind.startswith(_API)


def standing(template: Template, stage: str) -> Template:
    """Return the template with its conditions decided by the parameters' defaults.

    moto's updates fail on resources whose condition does not hold, and take every parameter with a
    default for one that has changed. So defaults are put in, but for that of `TRIED`.
    """
    declared = template["Parameters"]
    known = {"Stage": stage, "ArtifactsBucket": "artifacts"}
    values = {name: value for name, value in known.items() if name in declared}
    scope = _Defaults(
        TemplateScope(
            template, values, {"AWS::Region": "eu-central-1", "AWS::AccountId": "1" * 12}
        ),
        {name: each["Default"] for name, each in declared.items() if "Default" in each},
    )
    rest = {key: value for key, value in template.items() if key != "Conditions"}
    for section in ("Resources", "Outputs"):
        rest[section] = {
            name: _decided({k: v for k, v in each.items() if k != "Condition"}, scope)
            for name, each in template[section].items()
            if "Condition" not in each or scope.condition_holds(each["Condition"])
        }
    return rest


def _decided(value: Any, scope: _Defaults) -> Any:
    if isinstance(value, list):
        items = [_decided(item, scope) for item in value]
        return [item for item in items if item != _NOTHING]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in scope.defaults and value["Ref"] != TRIED:
        return scope.defaults[value["Ref"]]
    if "Fn::If" in value:
        name, held, otherwise = value["Fn::If"]
        return _decided(held if scope.condition_holds(name) else otherwise, scope)
    decided = {key: _decided(item, scope) for key, item in value.items()}
    return {key: item for key, item in decided.items() if item != _NOTHING or key == "Ref"}


def cut(template: Template, stage: str) -> Template:
    """Return the template without what is left out; what refers to it gets a name of nothing."""
    whole = standing(template, stage)
    gone = {n for n, r in whole["Resources"].items() if is_left_out(r["Type"])}
    rest = copy.deepcopy(whole)
    for name in gone:
        del rest["Resources"][name]
    # moto resolves a Ref to a bus to an object of its own, which nothing else of it takes.
    resources = rest["Resources"].items()
    buses = {n: r["Properties"]["Name"] for n, r in resources if r["Type"] == _BUS}
    for section in ("Resources", "Outputs"):
        rest[section] = _without(rest[section], {**dict.fromkeys(gone, _STAND_IN), **buses})
    rest["Parameters"].setdefault("ArtifactsBucket", {"Type": "String"})
    for parameter in rest["Parameters"].values():
        # moto tells the value of a list as Python writes it, AWS as it was given.
        if parameter["Type"] == "CommaDelimitedList":
            parameter["Type"] = "String"
    return rest


def _without(value: Any, gone: Mapping[str, Any]) -> Any:
    """Return `value` with what it refers to of `gone` put in its place."""
    if isinstance(value, dict):
        if value.get("Ref") in gone:
            return gone[value["Ref"]]
        attribute = value.get("Fn::GetAtt", [None])
        if gone.get(attribute[0]) == _STAND_IN:
            return _STAND_IN
        rest = {key: _without(item, gone) for key, item in value.items()}
        if "DependsOn" in rest:
            given = rest["DependsOn"]
            named = [given] if isinstance(given, str) else given
            rest["DependsOn"] = [each for each in named if gone.get(each) != _STAND_IN]
        return rest
    if isinstance(value, list):
        return [_without(item, gone) for item in value]
    if isinstance(value, str):
        return _PLACEHOLDER.sub(
            lambda at: _STAND_IN if gone.get(at[1]) == _STAND_IN else at[0], value
        )
    return value
