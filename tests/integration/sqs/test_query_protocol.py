"""SQS by its query protocol, as SDKs before 2023 send it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from xml.etree import ElementTree

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cloud import CloudProcess

NAMESPACE = {"q": "http://queue.amazonaws.com/doc/2012-11-05/"}


def call(cloud: CloudProcess, action: str, path: str = "/", **fields: Any) -> ElementTree.Element:
    """Send a signed form, and return the root of the answer."""
    body = urlencode({"Action": action, "Version": "2012-11-05", **fields})
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", cloud.endpoint_url + path, headers, body)
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
    answer = httpx.post(
        f"{cloud.endpoint_url}{path}", content=body, headers=dict(request.headers.items())
    )
    assert answer.headers["Content-Type"] == "text/xml"
    return ElementTree.fromstring(answer.content)


def texts(root: ElementTree.Element, path: str) -> list[str | None]:
    steps = "/".join(f"q:{step}" for step in path.split("/"))
    return [found.text for found in root.findall(f".//{steps}", NAMESPACE)]


def test_a_message_should_go_and_come_by_forms(cloud: CloudProcess) -> None:
    name = f"q{uuid4().hex}"
    attribute = {"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "7"}
    tag = {"Tag.1.Key": "of", "Tag.1.Value": "tests"}
    (url,) = texts(call(cloud, "CreateQueue", QueueName=name, **attribute, **tag), "QueueUrl")
    assert url == f"{cloud.endpoint_url}/000000000000/{name}"
    listed = call(cloud, "ListQueues", QueueNamePrefix=name)
    assert listed.tag == f"{{{NAMESPACE['q']}}}ListQueuesResponse"
    assert texts(listed, "ListQueuesResult/QueueUrl") == [url]
    assert texts(listed, "ResponseMetadata/RequestId") != []
    queue = {"path": f"/000000000000/{name}", "QueueUrl": url}
    wanted = {"AttributeName.1": "VisibilityTimeout"}
    described = call(cloud, "GetQueueAttributes", **queue, **wanted)
    assert texts(described, "Attribute/Name") == ["VisibilityTimeout"]
    assert texts(described, "Attribute/Value") == ["7"]
    kind = {
        "MessageAttribute.1.Name": "kind",
        "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "a & b",
    }
    sent = call(cloud, "SendMessage", **queue, MessageBody="<hello>", **kind)
    entry = "SendMessageBatchRequestEntry.1"
    batch = {f"{entry}.Id": "one", f"{entry}.MessageBody": "second"}
    done = call(cloud, "SendMessageBatch", **queue, **batch)
    assert texts(done, "SendMessageBatchResultEntry/Id") == ["one"]
    names: dict[str, Any] = {
        "MessageAttributeName.1": "All",
        "MaxNumberOfMessages": 10,
        "WaitTimeSeconds": 1,
    }
    bodies: dict[str | None, str | None] = {}
    while len(bodies) < 2:
        got = call(cloud, "ReceiveMessage", **queue, **names)
        bodies |= dict(
            zip(texts(got, "Message/Body"), texts(got, "Message/MessageId"), strict=True)
        )
        if "<hello>" in texts(got, "Message/Body"):
            assert texts(got, "MessageAttribute/Value/StringValue") == ["a & b"]
    assert bodies["<hello>"] == texts(sent, "MessageId")[0]
    assert set(bodies) == {"<hello>", "second"}


def test_errors_should_have_the_codes_of_the_protocol(cloud: CloudProcess) -> None:
    url = f"{cloud.endpoint_url}/000000000000/nowhere"
    missing = call(cloud, "GetQueueAttributes", QueueUrl=url)
    assert missing.findtext("Error/Code") == "AWS.SimpleQueueService.NonExistentQueue"
    assert call(cloud, "ListThings").findtext("Error/Code") == "InvalidAction"
    unknown = call(cloud, "ListQueues", Colour="red")
    assert unknown.findtext("Error/Code") == "InvalidParameterValue"
    assert call(cloud, "SendMessage", QueueUrl=url, DelaySeconds="soon").findtext("Error/Code") == (
        "InvalidParameterValue"
    )
