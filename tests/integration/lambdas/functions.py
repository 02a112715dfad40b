"""The code of the functions under test: real handlers, run in real worker processes."""

SOURCE = """
import json
import os
import signal
import subprocess
import sys
import time


def echo(event, context):
    return event


def about(event, context):
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "left_ms": context.get_remaining_time_in_millis(),
        "custom": context.client_context.custom if context.client_context else None,
        "pid": os.getpid(),
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "modules": sorted(name for name in sys.modules if name.startswith("localcloud")),
        "path": sys.path[0],
    }


def pid(event, context):
    return os.getpid()


def fail(event, context):
    raise ValueError("no such thing: " + str(event.get("what")))


def leave(event, context):
    os._exit(event.get("status", 1))


def die(event, context):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(event, context):
    with open(event["started"], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(event.get("seconds", 60))
    return "awake"


def hog(event, context):
    held = bytearray(event["megabytes"] * 1024 * 1024)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(30)


def large(event, context):
    return "x" * event["size"]


def talk(event, context):
    print("out:", event["say"])
    print("err:", event["say"], file=sys.stderr)
    return len(event["say"])


def child(event, context):
    return subprocess.Popen(["sleep", "600"]).pid


def flaky(event, context):
    with open(event["log"], "a") as file:
        file.write(context.aws_request_id + "\\n")
    with open(event["log"]) as file:
        tries = len(file.readlines())
    if tries < event["succeed_at"]:
        raise RuntimeError(f"try {tries}")
    return tries


def relay(event, context):
    import boto3

    for record in event["Records"]:
        boto3.client("sqs").send_message(
            QueueUrl=os.environ["QUEUE"], MessageBody=str(int(record["body"]) + 1)
        )


def partial(event, context):
    bad = [each["messageId"] for each in event["Records"] if each["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""

BROKEN = {
    "unimportable.py": "import a_module_that_is_not_there\n",
    "raising.py": "raise RuntimeError('at import')\n",
    "leaving.py": "import os\nos._exit(3)\n",
    "slow.py": "import time\ntime.sleep(30)\n\ndef handler(event, context):\n    return 1\n",
    "second_time.py": (
        "import os, pathlib\n"
        "marker = pathlib.Path(os.environ['MARKER'])\n"
        "if not marker.exists():\n"
        "    marker.touch()\n"
        "    raise RuntimeError('first time')\n"
        "def handler(event, context):\n"
        "    return 'loaded'\n"
    ),
}
