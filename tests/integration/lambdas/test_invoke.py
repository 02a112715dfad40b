"""Invoke, on real worker processes, as AWS documents it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.pool import ConcurrencyLimits
from tests.integration.lambdas.conftest import Bench, eventually


def test_the_answer_of_the_handler_is_the_payload(bench: Bench) -> None:
    bench.add("echo")
    result = bench.invoke("echo", {"text": "größer", "n": [1, 2.5, None]})
    assert result == {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "Payload": {"text": "größer", "n": [1, 2.5, None]},
    }


def test_the_context_and_environment_are_those_of_aws(bench: Bench) -> None:
    bench.add("about", environment={"TABLE": "documents"}, memory_mb=256)
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    about = bench.invoke("about", ClientContext=context)["Payload"]
    assert about["name"] == "about"
    assert about["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:about"
    assert about["memory"] == "256"
    assert 0 < about["left_ms"] <= 10_000
    assert about["custom"] == {"k": "v"}
    assert Path(about["cwd"]) == Path(about["path"]) == bench.code
    environment = about["environment"]
    assert environment["TABLE"] == "documents"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "about"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/about"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert environment["LAMBDA_TASK_ROOT"] == str(bench.code)
    assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert environment["OMP_NUM_THREADS"] == "1"


def test_nothing_of_the_caller_is_in_the_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "x")
    bench.add("about")
    about = bench.invoke("about")["Payload"]
    assert "SECRET_OF_THE_SHELL" not in about["environment"]
    assert about["modules"] == []


def test_a_warm_worker_serves_again(bench: Bench) -> None:
    bench.add("pid")
    assert bench.invoke("pid")["Payload"] == bench.invoke("pid")["Payload"]


def test_a_changed_definition_gets_a_new_worker(bench: Bench) -> None:
    bench.add("about", environment={"STEP": "1"})
    before = bench.invoke("about")["Payload"]
    bench.add("about", environment={"STEP": "2"})
    after = bench.invoke("about")["Payload"]
    assert after["environment"]["STEP"] == "2"
    eventually(lambda: not psutil.pid_exists(before["pid"]))


def test_an_exception_is_the_error_document_of_the_runtime(bench: Bench) -> None:
    bench.add("fail")
    result = bench.invoke("fail", {"what": "x"})
    assert result["StatusCode"] == 200
    assert result["FunctionError"] == "Unhandled"
    document = result["Payload"]
    assert document["errorType"] == "ValueError"
    assert document["errorMessage"] == "no such thing: x"
    assert document["requestId"]
    assert "in fail" in document["stackTrace"][0]


def test_a_function_that_raised_serves_again_in_the_same_worker(bench: Bench) -> None:
    bench.add("pid")
    bench.add("fail")
    first = bench.invoke("pid")["Payload"]
    bench.invoke("fail")
    assert bench.invoke("pid")["Payload"] == first


@pytest.mark.parametrize(
    ("handler", "event", "reason"),
    [
        ("leave", {"status": 1}, "Runtime exited with error: exit status 1"),
        ("leave", {"status": 0}, "Runtime exited without providing a reason"),
        ("die", {}, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_crash_is_an_exit_error_of_that_invocation_only(
    bench: Bench, handler: str, event: dict[str, int], reason: str
) -> None:
    bench.add("crash", f"made.{handler}")
    bench.add("echo")
    result = bench.invoke("crash", event)
    assert result["FunctionError"] == "Unhandled"
    assert result["Payload"]["errorType"] == "Runtime.ExitError"
    assert result["Payload"]["errorMessage"].startswith("RequestId: ")
    assert result["Payload"]["errorMessage"].endswith(f"Error: {reason}")
    assert bench.invoke("echo", 1)["Payload"] == 1
    assert "FunctionError" in bench.invoke("crash", event)


def test_a_worker_killed_from_outside_fails_its_invocation(bench: Bench, tmp_path: Path) -> None:
    bench.add("sleep")
    started = tmp_path / "started"
    results: list[dict[str, object]] = []
    caller = threading.Thread(
        target=lambda: results.append(bench.invoke("sleep", {"started": str(started)}))
    )
    caller.start()
    pid = int(eventually(lambda: started.exists() and started.read_text()))
    os.kill(pid, signal.SIGKILL)
    caller.join(20)
    assert results[0]["Payload"]["errorMessage"].endswith("signal: killed")  # type: ignore[index]


def test_a_worker_killed_while_idle_is_replaced_unseen(bench: Bench) -> None:
    bench.add("pid")
    first = bench.invoke("pid")["Payload"]
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(first))
    result = bench.invoke("pid")
    assert "FunctionError" not in result
    assert result["Payload"] != first


def test_a_hang_is_killed_at_the_timeout_with_all_it_started(bench: Bench, tmp_path: Path) -> None:
    bench.add("sleep", timeout_s=1)
    started = tmp_path / "started"
    result = bench.invoke("sleep", {"started": str(started)}, LogType="Tail")
    assert result["FunctionError"] == "Unhandled"
    assert result["Payload"]["errorType"] == "Sandbox.Timedout"
    assert result["Payload"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert not psutil.pid_exists(int(started.read_text()))
    log = base64.b64decode(result["LogResult"]).decode()
    assert "Task timed out after 1.00 seconds" in log
    assert "Status: timeout" in log


def test_what_a_function_started_dies_with_its_worker(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench()
    bench.add("child")
    pid = bench.invoke("child")["Payload"]
    assert psutil.pid_exists(pid)
    bench.service.stop()
    eventually(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    )


def test_a_function_beyond_its_memory_is_killed(bench: Bench) -> None:
    bench.add("hog", memory_mb=128, timeout_s=20)
    result = bench.invoke("hog", {"megabytes": 300})
    assert result["Payload"]["errorType"] == "Runtime.ExitError"
    assert result["Payload"]["errorMessage"].endswith("signal: killed")


def test_a_response_over_six_megabytes_is_refused(bench: Bench) -> None:
    bench.add("large", memory_mb=512)
    assert len(bench.invoke("large", {"size": 6_000_000})["Payload"]) == 6_000_000
    result = bench.invoke("large", {"size": 7_000_000})
    assert result["FunctionError"] == "Unhandled"
    assert result["Payload"]["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(bench.invoke("large", {"size": 10})["Payload"]) == 10


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("unimportable.handler", "Runtime.ImportModuleError", "Unable to import module"),
        ("raising.handler", "RuntimeError", "at import"),
        ("made.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'made'"),
        ("leaving.handler", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ],
)
def test_a_handler_that_cannot_be_loaded_fails_the_invocation(
    bench: Bench, handler: str, error_type: str, message: str
) -> None:
    bench.add("broken", handler)
    result = bench.invoke("broken")
    assert result["FunctionError"] == "Unhandled"
    assert result["Payload"]["errorType"] == error_type
    assert message in result["Payload"]["errorMessage"]


def test_a_failed_init_is_tried_again_within_the_invocation(bench: Bench, tmp_path: Path) -> None:
    marker = {"MARKER": str(tmp_path / "marker")}
    bench.add("twice", "second_time.handler", environment=marker)
    result = bench.invoke("twice", LogType="Tail")
    assert result["Payload"] == "loaded"


def test_a_slow_init_gets_the_time_of_the_invocation(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(init_s=0.3)
    bench.add("slow", "slow.handler", timeout_s=1)
    assert bench.invoke("slow")["Payload"]["errorType"] == "Sandbox.Timedout"


def test_the_tail_of_the_log_has_the_output_between_start_and_report(bench: Bench) -> None:
    bench.add("talk")
    result = bench.invoke("talk", {"say": "hello"}, LogType="Tail")
    lines = base64.b64decode(result["LogResult"]).decode().splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[0].endswith(" Version: $LATEST")
    assert lines[1:3] == ["out: hello", "err: hello"]
    assert lines[3].startswith("END RequestId: ")
    fields = [field.split(":")[0] for field in lines[4].split("\t")]
    assert fields == [
        "REPORT RequestId",
        "Duration",
        "Billed Duration",
        "Memory Size",
        "Max Memory Used",
        "Init Duration",
    ]


def test_the_tail_is_four_kilobytes_at_most(bench: Bench) -> None:
    bench.add("talk")
    result = bench.invoke("talk", {"say": "y" * 20_000}, LogType="Tail")
    tail = base64.b64decode(result["LogResult"])
    assert len(tail) == 4096
    assert b"REPORT RequestId" in tail


def test_output_is_in_the_function_s_log_file(bench: Bench) -> None:
    bench.add("talk")
    bench.invoke("talk", {"say": "kept"})
    log = bench.context.data_dir / "lambdas" / "logs" / "talk.log"
    assert "out: kept" in log.read_text()


def test_invocations_beyond_the_limit_wait_and_are_then_throttled(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench(limits=ConcurrencyLimits(concurrency=1, max_wait_s=0.2))
    bench.add("sleep")
    bench.add("echo")
    started = tmp_path / "started"
    caller = threading.Thread(target=bench.invoke, args=("sleep", {"started": str(started)}))
    caller.daemon = True
    with pytest.MonkeyPatch.context() as context:
        context.setattr(threading, "excepthook", lambda _: None)
        caller.start()
        eventually(lambda: started.exists() and started.read_text())
        with pytest.raises(AwsError) as refused:
            bench.invoke("echo")
        assert refused.value.code == "TooManyRequestsException"
        assert refused.value.fields["Reason"] == "ConcurrentInvocationLimitExceeded"
        bench.service.stop()
        caller.join(20)


def test_reserved_concurrency_of_zero_throttles_everything(bench: Bench) -> None:
    bench.add("echo", reserved_concurrency=0)
    with pytest.raises(AwsError) as refused:
        bench.invoke("echo")
    assert refused.value.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_concurrent_invocations_run_side_by_side(bench: Bench) -> None:
    bench.add("pid")
    pids: list[int] = []
    callers = [
        threading.Thread(target=lambda: pids.append(bench.invoke("pid")["Payload"]))
        for _ in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert len(pids) == 6


def test_a_dry_run_only_checks(bench: Bench) -> None:
    bench.add("fail")
    assert bench.service.invoke({"FunctionName": "fail", "InvocationType": "DryRun"}) == {
        "StatusCode": 204
    }
