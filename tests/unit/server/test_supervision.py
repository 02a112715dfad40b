from __future__ import annotations

import errno
import logging
import sqlite3
import threading

import pytest

from localcloud.supervision import SupervisedThread
from tests.cloud import PROJECT


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space"),
        (OSError(errno.EDQUOT, "Quota exceeded"), "Free some space"),
        (sqlite3.OperationalError("locked"), "OperationalError: locked"),
        (RuntimeError("can't start new thread"), "RuntimeError: can't start new thread"),
        (KeyError("bug"), "KeyError: 'bug'"),
    ],
)
def test_should_go_on_whatever_was_raised_and_say_so(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[int] = []
    done = threading.Event()

    def run() -> None:
        rounds.append(1)
        if len(rounds) < 4:
            raise error
        done.set()

    thread = SupervisedThread("worker", run, first_pause_s=0.001)
    with caplog.at_level(logging.ERROR):
        thread.start()
        assert done.wait(30)
        thread.join(30)
    assert len(rounds) == 4
    assert not thread.is_alive
    messages = [record.message for record in caplog.records]
    assert len(messages) == 3
    assert all("worker failed and goes on" in each and told in each for each in messages)


def test_should_end_between_two_rounds_when_it_is_stopped() -> None:
    failed = threading.Event()

    def run() -> None:
        failed.set()
        raise ValueError

    thread = SupervisedThread("worker", run, first_pause_s=3600)
    thread.start()
    assert failed.wait(30)
    thread.join(30)
    assert not thread.is_alive


OF_THEIR_OWN = {
    "apigateway/access_log.py": "a round cannot raise: a line that is not kept is logged",
    "apigateway/gateway.py": "one request",
    "bedrock/llama.py": "a round cannot raise: its caller gets the error",
    "frontdoor/http_server.py": "cheroot's loop, which logs errors of its own",
    "lambdas/async_queue.py": "one event, which is run again",
    "lambdas/event_sources/poller.py": "one batch, whose messages come again",
    "lambdas/logs.py": "a round cannot raise: lines that cannot be forwarded are dropped",
    "lambdas/process.py": "a round cannot raise; the kernel ends processes with this very thread",
    "lambdas/response_stream.py": "one invocation, whose caller gets the error",
    "lambdas/runtime_api.py": "one environment, which ends with it",
    "sagemaker/cloudwatch.py": "a round cannot raise: what is not written is logged",
    "sagemaker/hosting/deployer.py": "one deployment, which fails with the reason",
    "sagemaker/hosting/monitor.py": "a round cannot raise; one invocation",
    "sagemaker/transform/runner.py": "one container",
    "server.py": "the watch that ends the process",
    "stepfunctions/operations/state_tests.py": "one call, told as timed out without an answer",
    "stepfunctions/engine/work_scheduler.py": "a piece of work that raises ends no thread",
    "supervision.py": "the supervised thread itself",
}
"""The only modules that start threads of their own, and why an error does not end a service."""


def test_every_other_thread_of_the_local_cloud_should_be_supervised() -> None:
    root = PROJECT / "localcloud"
    starting = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        if "threading.Thread(" in file.read_text()
    }
    assert starting == set(OF_THEIR_OWN)
