"""Provisioned throughput of custom models: capacity that is billed by the hour until it is deleted.

https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.bedrock.content import validation_error
from localcloud.bedrock.customisation.store import CREATING_S, CustomisationJob
from localcloud.bedrock.resources import (
    check_resource_name,
    name_in_use,
    new_id,
    not_found,
)
from localcloud.clock import Clock, utc
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result

MAX_UNITS = 2
"""The model units without commitment that an account has, until AWS grants more."""
_KIND = "provisioned-model"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS throughputs (
    id TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL, token TEXT UNIQUE, job_id TEXT NOT NULL,
    request TEXT NOT NULL, created_at REAL NOT NULL);
"""


def is_provisioned(model_id: str) -> bool:
    """Return whether a model id is the ARN of provisioned throughput."""
    return f":{_KIND}/" in model_id


@dataclass(frozen=True, slots=True)
class ProvisionedThroughput:
    """Capacity of a custom model, which the job `job_id` made."""

    id: str
    job_id: str
    request: Mapping[str, Any]
    created_at: float


class ThroughputOperations:
    """The operations on provisioned throughput, which is kept in SQLite."""

    def __init__(
        self,
        surroundings: CloudContext,
        folder: Path,
        find_model: Callable[[str], CustomisationJob],
        model_arn: Callable[[str], str],
        clock: Clock = time.time,
    ) -> None:
        """Open the database in `folder`.

        `find_model` finds the job of a custom model by its name or ARN, `model_arn` returns the
        ARN of the model of a job.
        """
        self._surroundings = surroundings
        self._database = Database(folder / "throughputs.sqlite3", _SCHEMA)
        self._find_model = find_model
        self._model_arn = model_arn
        self._now = clock

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def create_provisioned_model_throughput(self, params: Params) -> Result:
        """Provision a custom model without commitment. Raises AwsError."""
        if "commitmentDuration" in params:
            raise validation_error(
                "The local cloud has no commitments; leave out commitmentDuration."
            )
        if "foundation-model/" in params["modelId"]:
            raise validation_error("The local cloud provisions custom models alone.")
        check_resource_name("provisionedModelName", params["provisionedModelName"])
        job = self._find_model(params["modelId"])
        request = {name: value for name, value in params.items() if name != "tags"}
        return {"provisionedModelArn": self._arn(self._add(job.id, request))}

    def get_provisioned_model_throughput(self, params: Params) -> Result:
        """Return the description of a throughput."""
        return self._describe(self._throughput(params["provisionedModelId"]))

    def list_provisioned_model_throughputs(self, params: Params) -> Result:
        """List the throughputs that match the filters, the newest first."""
        found = [
            self._describe(each)
            for each in reversed(self._throughputs())
            if params.get("nameContains", "") in each.request["provisionedModelName"]
            and params.get("modelArnEquals", self._model_arn(each.job_id))
            == self._model_arn(each.job_id)
            and params.get("statusEquals", self._status(each)) == self._status(each)
        ]
        return {"provisionedModelSummaries": found[: params.get("maxResults", len(found))]}

    def delete_provisioned_model_throughput(self, params: Params) -> Result:
        """Delete a throughput; calls of its ARN are refused from then on."""
        found = self._throughput(params["provisionedModelId"])
        self._database.write("DELETE FROM throughputs WHERE id = ?", found.id)
        return {}

    def require_none(self, job_id: str) -> None:
        """Raise ConflictException while the model of a job is provisioned."""
        for each in self._throughputs():
            if each.job_id == job_id:
                raise AwsError(
                    "ConflictException",
                    "The custom model is provisioned as "
                    f"{each.request['provisionedModelName']}; delete that first.",
                    400,
                )

    def job_of(self, identifier: str) -> str:
        """Return the job of a model that is in service. Raises AwsError."""
        found = self._throughput(identifier)
        if (status := self._status(found)) != "InService":
            raise validation_error(f"The provisioned model is {status} and not yet InService.")
        return found.job_id

    def _add(self, job_id: str, request: Mapping[str, Any]) -> str:
        """Store a throughput and return its id; that of the same client request token is kept."""
        token, name = request.get("clientRequestToken"), request["provisionedModelName"]
        with self._database.transaction() as connection:
            sql = "SELECT * FROM throughputs WHERE token = ?"
            if token and (found := connection.execute(sql, (token,)).fetchone()):
                return str(found["id"])
            rows = [_row(each) for each in connection.execute("SELECT * FROM throughputs")]
            used = sum(int(each.request["modelUnits"]) for each in rows)
            if used + int(request["modelUnits"]) > MAX_UNITS:
                raise AwsError(
                    "ServiceQuotaExceededException",
                    f"The account has {MAX_UNITS} model units without commitment, and uses {used}.",
                    400,
                )
            made = new_id()
            try:
                connection.execute(
                    "INSERT INTO throughputs (id, name, token, job_id, request, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (made, name, token, job_id, json.dumps(request), self._now()),
                )
            except sqlite3.IntegrityError as error:
                raise name_in_use("provisioned model name") from error
        return made

    def _throughputs(self) -> list[ProvisionedThroughput]:
        rows = self._database.read("SELECT * FROM throughputs ORDER BY rowid")
        return [_row(each) for each in rows]

    def _throughput(self, identifier: str) -> ProvisionedThroughput:
        last = identifier.rpartition("/")[2]
        rows = self._database.read("SELECT * FROM throughputs WHERE id = ? OR name = ?", last, last)
        if not rows:
            raise not_found("provisioned model")
        return _row(rows[0])

    def _status(self, throughput: ProvisionedThroughput) -> str:
        return "Creating" if self._now() < throughput.created_at + CREATING_S else "InService"

    def _arn(self, throughput_id: str) -> str:
        return self._surroundings.arn("bedrock", f"{_KIND}/{throughput_id}")

    def _describe(self, throughput: ProvisionedThroughput) -> dict[str, Any]:
        model, units = self._model_arn(throughput.job_id), throughput.request["modelUnits"]
        base = model.rpartition("custom-model/")[2].partition("/")[0]
        created = utc(throughput.created_at)
        return {
            "provisionedModelName": throughput.request["provisionedModelName"],
            "provisionedModelArn": self._arn(throughput.id),
            "modelArn": model,
            "desiredModelArn": model,
            "foundationModelArn": (
                f"arn:aws:bedrock:{self._surroundings.region}::foundation-model/{base}"
            ),
            "modelUnits": units,
            "desiredModelUnits": units,
            "status": self._status(throughput),
            "creationTime": created,
            "lastModifiedTime": created,
        }


def _row(row: sqlite3.Row) -> ProvisionedThroughput:
    return ProvisionedThroughput(
        row["id"], row["job_id"], json.loads(row["request"]), row["created_at"]
    )
