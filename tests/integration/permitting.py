"""What tests let AWS's services and roles do in the local cloud, as an account's owner would."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def let_rules_send(sqs: Any, queue_url: str) -> str:
    """Let EventBridge send into a queue, and return its ARN.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    return let_service_send(sqs, queue_url, "events.amazonaws.com")


def let_bucket_send(sqs: Any, queue_url: str, bucket: str) -> str:
    """Let a bucket send into a queue, and return the queue's ARN.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    """
    condition = {
        "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
        "StringEquals": {"aws:SourceAccount": "000000000000"},
    }
    return let_service_send(sqs, queue_url, "s3.amazonaws.com", condition)


def let_service_send(
    sqs: Any, queue_url: str, service: str, condition: Mapping[str, Any] | None = None
) -> str:
    """Let a service of AWS send into a queue, and return the queue's ARN."""
    asked = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn = str(asked["Attributes"]["QueueArn"])
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        **({"Condition": condition} if condition else {}),
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    return arn


def make_role(iam: Any, name: str, actions: Sequence[str], resource: str = "*") -> str:
    """Make a role that may do `actions`, and return its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "states.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy)
    return str(made["Role"]["Arn"])
