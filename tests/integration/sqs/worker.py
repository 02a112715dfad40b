"""A process that sends and receives until it is killed, telling what was acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

from localcloud.service import CloudContext
from localcloud.sqs import SqsService


def tell(verb: str, body: str) -> None:
    sys.stdout.write(f"{verb} {body}\n")
    sys.stdout.flush()


def main(folder: str) -> None:
    sqs = SqsService(CloudContext(Path(folder), "http://127.0.0.1:1"))
    url = sqs.create_queue({"QueueName": "work", "Attributes": {"VisibilityTimeout": "43200"}})
    where = {"QueueUrl": url["QueueUrl"]}
    number = 0
    while True:
        sqs.send_message({**where, "MessageBody": str(number)})
        tell("sent", str(number))
        if number % 3 == 0:
            message = sqs.receive_message(where)["Messages"][0]
            tell("received", message["Body"])
            if number % 2 == 0:
                sqs.delete_message({**where, "ReceiptHandle": message["ReceiptHandle"]})
                tell("deleted", message["Body"])
        number += 1


if __name__ == "__main__":
    main(sys.argv[1])
