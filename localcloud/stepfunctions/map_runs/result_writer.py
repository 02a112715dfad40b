"""ResultWriter: the results of a Map Run, in the state's output or as files in S3.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps
from localcloud.stepfunctions.operations.requests import to_datetime
from localcloud.stepfunctions.store.map_runs import ChildExecution, MapRun

_FILES = ("SUCCEEDED", "FAILED", "PENDING")


def collect_outputs(run: MapRun, children: Iterable[ChildExecution]) -> list[Json]:
    """Return the state's output, as WriterConfig's Transformation demands."""
    return _transform(
        run, children, str((run.plan.writer or {}).get("transformation") or "COMPACT")
    )


def _transform(run: MapRun, children: Iterable[ChildExecution], how: str) -> list[Json]:
    found: list[Json] = []
    for child in children:
        if child.status != "SUCCEEDED" or how == "NONE":
            found.append(describe_child(run, child))
            continue
        output = json.loads(child.output or "null")
        if how == "FLATTEN" and isinstance(output, list):
            found += output
        else:
            found.append(output)
    return found


def write_results(client: Any, run: MapRun, children: Iterable[ChildExecution]) -> Json:
    """Write the files and return the state's output. Raises `States.ResultWriterFailed`."""
    writer = run.plan.writer or {}
    arguments = writer.get("arguments")
    destination: JsonObject = arguments if isinstance(arguments, dict) else {}
    bucket, prefix = (
        str(destination.get("Bucket", "")),
        str(destination.get("Prefix") or "").strip("/"),
    )
    folder = "/".join(part for part in (prefix, run.arn.rsplit(":", 1)[-1]) if part)
    lines = writer.get("output_type") == "JSONL"
    how = str(writer.get("transformation") or "NONE")
    kept: dict[str, list[ChildExecution]] = {name: [] for name in _FILES}
    for child in children:
        name = child.status if child.status in ("SUCCEEDED", "PENDING") else "FAILED"
        kept[name].append(child)
    files: JsonObject = {}
    for name, group in kept.items():
        key = f"{folder}/{name}_0.{'jsonl' if lines else 'json'}"
        files[name] = _put_results(client, bucket, key, _transform(run, group, how), lines)
    manifest: JsonObject = {
        "DestinationBucket": bucket,
        "MapRunArn": run.arn,
        "ResultFiles": files,
    }
    manifest_key = f"{folder}/manifest.json"
    _put(client, bucket, manifest_key, dumps(manifest).encode())
    details: JsonObject = {"Bucket": bucket, "Key": manifest_key}
    return {"MapRunArn": run.arn, "ResultWriterDetails": details}


def _put_results(
    client: Any, bucket: str, key: str, results: list[Json], lines: bool
) -> list[Json]:
    if not results:
        return []
    text = "\n".join(dumps(one) for one in results) if lines else dumps(results)
    body = text.encode()
    _put(client, bucket, key, body)
    return [{"Key": key, "Size": len(body)}]


def _put(client: Any, bucket: str, key: str, body: bytes) -> None:
    try:
        client.put_object(Bucket=bucket, Key=key, Body=body)
    except (ClientError, BotoCoreError) as error:
        raise ReportedError(errors.RESULT_WRITER_FAILED, str(error)) from error


def describe_child(run: MapRun, child: ChildExecution) -> JsonObject:
    """Return the description of a child in result files."""
    members: JsonObject = {
        "ExecutionArn": child.arn,
        "Input": dumps(child.input),
        "InputDetails": {"Included": True},
        "Name": child.name,
        "StateMachineArn": run.plan.machine_arn,
        "Status": child.status,
        "RedriveCount": child.redrive_count,
    }
    if child.started is not None:
        members["StartDate"] = _format_date(child.started)
    if child.stopped is not None:
        members["StopDate"] = _format_date(child.stopped)
    if child.status == "SUCCEEDED":
        members["Output"] = child.output
        members["OutputDetails"] = {"Included": True}
    for name, text in (("Error", child.error), ("Cause", child.cause)):
        if text:
            members[name] = text
    return dict(sorted(members.items()))


def _format_date(epoch: float) -> str:
    return to_datetime(epoch).isoformat(timespec="milliseconds").replace("+00:00", "Z")
