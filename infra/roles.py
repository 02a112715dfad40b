"""What SAM gives every role that it makes, narrowed to what a function here needs.

SAM attaches AWS's own policies: AWSLambdaBasicExecutionRole lets a function make any log group and
write into all of them, AWSXRayDaemonWriteAccess lets it read sampling rules. The log group of a
stage is in the template, and its functions trace nothing by themselves.
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaBasicExecutionRole.html
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Template = dict[str, Any]

WRITE_LOGS: Mapping[str, Any] = {
    "Sid": "WriteLogs",
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": {"Fn::GetAtt": ["FunctionLogs", "Arn"]},
}
"""The attribute ends in `:*`, so that it names the group's streams.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
"""

WRITE_TRACES: Mapping[str, Any] = {
    "Sid": "WriteTraces",
    "Effect": "Allow",
    "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    "Resource": "*",
}
"""X-Ray has no resource that a policy could name for these actions.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
"""

_NARROWED: Mapping[str, Mapping[str, Any]] = {
    "service-role/AWSLambdaBasicExecutionRole": WRITE_LOGS,
    "AWSXRayDaemonWriteAccess": WRITE_TRACES,
    "AWSXrayWriteOnlyAccess": WRITE_TRACES,
}


def narrow(template: Template) -> None:
    """Replace what SAM attached to the roles of `template` by statements of their own.

    Any other policy of AWS that a role names stays: who wrote it there chose it.
    """
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            _narrow(resource["Properties"])


def _narrow(properties: dict[str, Any]) -> None:
    attached = properties.pop("ManagedPolicyArns", [])
    kept = [arn for arn in attached if _name(arn) not in _NARROWED]
    statements = [_NARROWED[_name(arn)] for arn in attached if _name(arn) in _NARROWED]
    if kept:
        properties["ManagedPolicyArns"] = kept
    if statements:
        document = {"Version": "2012-10-17", "Statement": statements}
        policy = {"PolicyName": "WriteLogsAndTraces", "PolicyDocument": document}
        properties.setdefault("Policies", []).append(policy)


def _name(arn: Any) -> str:
    """Return the path and name of one of AWS's policies, whose ARN may be an `Fn::Sub`."""
    text = str(arn.get("Fn::Sub", "") if isinstance(arn, Mapping) else arn)
    return text.partition(":policy/")[2]
