from __future__ import annotations

import os
import subprocess
import sys

ENVIRON = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "HEADRACE_BUCKET": "documents",
    "HEADRACE_RECORDS_TABLE": "records",
    "HEADRACE_INBOX_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/000000000000/inbox",
    "HEADRACE_SCHEDULE_GROUP": "headrace-test",
    "HEADRACE_ROLLOUT_MACHINE_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:rollout",
}
TELLS = """
from functions.remove_data.handler import deps
for with_members in (True, False):
    print(deps(with_members=with_members).remover.departures is not None)
"""


def test_only_a_container_that_is_removed_alone_tells_the_files_that_came_in_it() -> None:
    # A process of its own: clients are kept for as long as one lives.
    done = subprocess.run(
        [sys.executable, "-c", TELLS],
        env={**ENVIRON, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["True", "False"], done.stderr
