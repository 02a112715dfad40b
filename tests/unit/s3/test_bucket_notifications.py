"""The configuration of a bucket's notifications, as S3 takes it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

import pytest

from localcloud.errors import AwsError
from localcloud.s3.bucket_notifications import (
    notification_message,
    parse_notifications,
    restored,
    stored,
)
from localcloud.s3.event_notifications import ChangeCause, ChangedObject

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"


def configuration(
    *events: str, prefix: str = "", suffix: str = "", arn: str = QUEUE, id_: str = ""
) -> str:
    rules = "".join(
        f"<FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule>"
        for name, value in (("Prefix", prefix), ("suffix", suffix))
        if value
    )
    return (
        f"<QueueConfiguration><Id>{id_ or prefix + suffix or 'all'}</Id><Queue>{arn}</Queue>"
        + "".join(f"<Event>{event}</Event>" for event in events)
        + f"<Filter><S3Key>{rules}</S3Key></Filter></QueueConfiguration>"
    )


def document(*configurations: str) -> bytes:
    inner = "".join(configurations)
    return f"<NotificationConfiguration>{inner}</NotificationConfiguration>".encode()


def test_a_target_should_be_told_of_its_events_and_keys_alone() -> None:
    text = document(
        "<EventBridgeConfiguration/>",
        configuration("s3:ObjectCreated:*", prefix="in/", suffix=".png"),
    )
    eventbridge, (found,) = parse_notifications(text)
    assert eventbridge
    assert found.matches("ObjectCreated:Put", "in/a.png")
    assert found.matches("ObjectCreated:CompleteMultipartUpload", "in/a.png")
    assert not found.matches("ObjectRemoved:Delete", "in/a.png")
    assert not found.matches("ObjectCreated:Put", "in/a.jpg")
    assert not found.matches("ObjectCreated:Put", "a.png")
    assert restored(stored([found])) == [found]
    assert restored(None) == ()


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (configuration("s3:ObjectCreated:*"), configuration("s3:ObjectRemoved:*", id_="b"), False),
        (configuration("s3:ObjectCreated:*"), configuration("s3:ObjectCreated:Put", id_="b"), True),
        (
            configuration("s3:ObjectCreated:*", prefix="a/"),
            configuration("s3:ObjectCreated:*", prefix="b/"),
            False,
        ),
        (
            configuration("s3:ObjectCreated:*", prefix="a/"),
            configuration("s3:ObjectCreated:*", prefix="a/b/"),
            True,
        ),
        (
            configuration("s3:ObjectCreated:*", prefix="a/", suffix=".png"),
            configuration("s3:ObjectCreated:*", prefix="a/", suffix=".jpg"),
            False,
        ),
    ],
)
def test_two_targets_should_not_be_told_of_one_event(
    first: str, second: str, overlap: bool
) -> None:
    if not overlap:
        assert len(parse_notifications(document(first, second))[1]) == 2
        return
    with pytest.raises(AwsError, match="Configurations overlap") as refused:
        parse_notifications(document(first, second))
    assert refused.value.code == "InvalidArgument"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (configuration(), "MalformedXML"),
        (configuration("s3:ObjectCreated:*", arn="arn:aws:sns:us-east-1:1:t"), "InvalidArgument"),
        (configuration("s3:ObjectCreated:*", arn=QUEUE + ".fifo"), "InvalidArgument"),
        (configuration("ObjectCreated:*"), "NotImplemented"),
        (configuration("s3:ObjectTagging:*"), "NotImplemented"),
        ("<QueueConfiguration><Queue>q</Queue><Other/></QueueConfiguration>", "MalformedXML"),
        ("<InventoryConfiguration/>", "NotImplemented"),
        (
            configuration("s3:ObjectCreated:*", prefix="a", id_="x")
            + configuration("s3:ObjectRemoved:*", prefix="a", id_="x"),
            "InvalidArgument",
        ),
    ],
)
def test_what_s3_does_not_take_should_be_refused(text: str, code: str) -> None:
    with pytest.raises(AwsError) as refused:
        parse_notifications(document(text))
    assert refused.value.code == code


def test_a_removed_object_should_have_neither_size_nor_etag() -> None:
    subject = ChangedObject("b", "a b", "etag", 7, "v1", 255, 0)
    cause = ChangeCause("DeleteObject", "request", "000000000000", "127.0.0.1")
    (record,) = notification_message("ObjectRemoved:Delete", subject, cause, "us-east-1", "id")[
        "Records"
    ]
    assert record["s3"]["object"] == {
        "key": "a+b",
        "versionId": "v1",
        "sequencer": "0000000000000000FF",
    }
    assert record["eventTime"] == "1970-01-01T00:00:00.000Z"
    (record,) = notification_message("ObjectCreated:Put", subject, cause, "us-east-1", "id")[
        "Records"
    ]
    assert (record["s3"]["object"]["size"], record["s3"]["object"]["eTag"]) == (7, "etag")
