"""Workers end with the local cloud, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.lambdas.conftest import eventually
from tests.integration.lambdas.functions import SOURCE

_ROOT = Path(__file__).parents[3]

_PARENT = """
import json, sys, threading, time
from pathlib import Path
from localcloud.lambdas import FunctionSpec, LambdaService
from localcloud.service import CloudContext
from localcloud.sqs import SqsService

data, code = Path(sys.argv[1]), Path(sys.argv[2])
around = CloudContext(data, "http://127.0.0.1:1")
service = LambdaService(around, SqsService(around))
service.start()
service.register(FunctionSpec("pid", "made.pid", code, timeout_s=60))
service.register(FunctionSpec("sleep", "made.sleep", code, timeout_s=60))
event = {"started": str(code / "started")}
call = {"FunctionName": "sleep", "Payload": json.dumps(event).encode()}
threading.Thread(target=service.invoke, args=(call,), daemon=True).start()
idle = json.loads(service.invoke({"FunctionName": "pid"})["Payload"])
while not (code / "started").exists() or not (code / "started").read_text():
    time.sleep(0.01)
print(idle, (code / "started").read_text(), flush=True)
threading.Event().wait()
"""


def _gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_busy_and_idle_workers_vanish_when_the_local_cloud_is_killed(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "made.py").write_text(SOURCE)
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(tmp_path / "data"), str(code)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert not any(_gone(pid) for pid in pids)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(10)
    eventually(lambda: all(_gone(pid) for pid in pids))
