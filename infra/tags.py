"""Tags by which a bill can be split: the part of the product that a resource belongs to.

What a stack is tagged with as a whole, CloudFormation passes on to all that can be tagged: that is
`headrace:stage`, which a deployment sets. `headrace:component` is the room that names a resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from __future__ import annotations

from typing import Any

COMPONENT = "headrace:component"

_LISTED = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3Vectors::VectorBucket",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Model",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    }
)
"""Types whose tags are a list of keys and values."""

_MAPPED = frozenset(
    {"AWS::Serverless::Api", "AWS::Serverless::Function", "AWS::Serverless::StateMachine"}
)
"""Types of SAM's, whose tags are a map."""


def tag(resources: dict[str, Any], component: str) -> None:
    """Tag each of `resources` that can be tagged with the component that it belongs to."""
    for resource in resources.values():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] in _LISTED:
            properties.setdefault("Tags", []).append({"Key": COMPONENT, "Value": component})
        elif resource["Type"] in _MAPPED:
            properties["Tags"] = {**properties.get("Tags", {}), COMPONENT: component}
