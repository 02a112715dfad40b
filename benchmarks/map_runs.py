"""Map Runs of the local cloud as they grow: CPU of an item, and the duration of a small run.

A run reads its items from S3, starts a Standard child with one Pass state for each, and writes the
results to S3. The service runs in this process with its own threads; S3 is in memory.
"""

from __future__ import annotations

import io
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result, spread
from localcloud.service import CloudContext
from localcloud.stepfunctions import StepFunctionsService
from localcloud.stepfunctions.integrations.integration import RoleClients

SMALL = 200
SIZES = (1_000, 20_000, 100_000)
DEADLINE = 3_600.0
_ROLE = "arn:aws:iam::000000000000:role/states"
_S3 = "arn:aws:states:::s3"
_DEFINITION = {
    "StartAt": "Map",
    "States": {
        "Map": {
            "Type": "Map",
            "ItemReader": {
                "Resource": f"{_S3}:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "b", "Key.$": "$.key"},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "Pass",
                "States": {"Pass": {"Type": "Pass", "End": True}},
            },
            "ResultWriter": {
                "Resource": f"{_S3}:putObject",
                "Parameters": {"Bucket": "b", "Prefix": "results"},
            },
            "End": True,
        }
    },
}


class _Bucket:
    """S3 with one object for each number of items; what is written is dropped."""

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(json.dumps([{"item": n} for n in range(int(Key))]).encode())}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:  # noqa: N803
        return {}


class _Runs:
    """A service on a folder of its own, that runs one Map Run after the other."""

    def __init__(self, folder: str) -> None:
        self._ended = threading.Event()
        self._runs = 0
        self._arn = ""
        bucket = _Bucket()
        self._service = StepFunctionsService(
            CloudContext(Path(folder), "http://127.0.0.1"),
            RoleClients(lambda _service, _role: bucket),
            self._publish,
        )
        self._service.start()
        created = self._service.create_state_machine(
            {"name": "map", "roleArn": _ROLE, "definition": json.dumps(_DEFINITION)}
        )
        self._machine = created["stateMachineArn"]

    def run(self, items: int) -> tuple[float, float]:
        """Run a Map Run of so many items. Returns its seconds, and ms of CPU for an item."""
        self._ended.clear()
        self._runs += 1
        name = f"run-{self._runs}"
        self._arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
        given = {"stateMachineArn": self._machine, "name": name}
        start, cpu = time.monotonic(), time.process_time()
        self._service.start_execution({**given, "input": json.dumps({"key": str(items)})})
        if not self._ended.wait(DEADLINE):
            raise TimeoutError(f"a Map Run of {items} items did not end in {DEADLINE} s")
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
        described = self._service.describe_execution({"executionArn": self._arn})
        if described["status"] != "SUCCEEDED":
            raise RuntimeError(f"the Map Run ended as {described}")
        return seconds, cpu * 1000 / items

    def _publish(self, event: dict[str, Any]) -> None:
        about = event["detail"]
        if about["executionArn"] == self._arn and about["status"] != "RUNNING":
            self._ended.set()

    def close(self) -> None:
        self._service.stop()


def measure(repetitions: int) -> Result:
    """Run `repetitions` small Map Runs, and one of each size."""
    with tempfile.TemporaryDirectory() as folder:
        runs = _Runs(folder)
        runs.run(SMALL)
        small = [runs.run(SMALL)[0] for _ in range(repetitions)]
        sizes = {items: runs.run(items) for items in SIZES}
        runs.close()
    cpu = {items: per_item for items, (_, per_item) in sizes.items()}
    return Result(
        name="map_runs",
        repetitions=repetitions,
        measured={
            f"a Map Run of {SMALL} items": spread(small, "s"),
            **{
                f"CPU of an item among {items:,}": spread([per_item], "ms")
                for items, per_item in cpu.items()
            },
        },
        ratios={
            f"CPU of an item among {SIZES[-1]:,} to {SIZES[0]:,}": cpu[SIZES[-1]] / cpu[SIZES[0]]
        },
        facts={f"seconds of {items:,} items": round(s, 1) for items, (s, _) in sizes.items()},
    )
