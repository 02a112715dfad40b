"""Provisioned throughput of custom models: `headrace models provision`.

It is billed by the hour, asked or not, until it is deleted: a stage that has any costs something
while it is idle.
https://docs.aws.amazon.com/bedrock/latest/userguide/prov-throughput.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from chalicelib.generation.added_models import Entry
from chalicelib.generation.customisable import customisable_models
from infra.models.added_models import AddedModelStage
from infra.models.customisation import (
    DEPLOY_SECONDS,
    POLL_SECONDS,
    CustomisationError,
    StageCustomisation,
    custom_entry,
    deployment_name,
    translate_customisation_errors,
)
from infra.stages import StageConnection

PROVISIONED_MODEL = ":provisioned-model/"
"""The part of an ARN by which provisioned throughput are told from other resources."""
HOURS_OF_A_MONTH = 730


@dataclass(frozen=True, slots=True)
class Throughput:
    """Capacity of a custom model. `units` are model units."""

    arn: str
    name: str
    model: str
    units: int
    status: str


def month_usd(usd_hour: Decimal, units: int) -> Decimal:
    """Return what model units cost in a month, at the price of one for an hour."""
    return (usd_hour * units * HOURS_OF_A_MONTH).quantize(Decimal("0.01"))


class StageThroughput:
    """Provisioned throughput of the account and region of one stage."""

    def __init__(self, place: StageConnection) -> None:
        """Connect to the stage by `place`."""
        self._place = place
        self._stage = place.outputs["IngestMachineArn"].rpartition(":")[2].split("-")[1]

    def provision(
        self,
        name: str,
        model: str,
        units: int,
        usd_hour: Decimal,
        rest: Callable[[float], None] = time.sleep,
    ) -> Throughput:
        """Provision a custom model, try it, and add it to the stage's models as `name`.

        Raises:
            CustomisationError: it is not in service in half an hour, answers nothing, or anything
                else failed once it was made; what was made goes on being billed, and the message
                says how it is deleted.
            AddedModelError: the name is taken.
            ClientError: AWS refuses to make it.
        """
        added = AddedModelStage(self._place)
        added.require_name(name)
        bedrock = self._place.client("bedrock")
        described = bedrock.get_custom_model(modelIdentifier=model)
        base = customisable_models().base(described["baseModelArn"].rpartition("/")[2])
        named = deployment_name(self._stage, name, model)
        made = bedrock.create_provisioned_model_throughput(
            provisionedModelName=named,
            modelId=described["modelArn"],
            modelUnits=units,
            # One of its own: AWS ignores a repeated one, also after what it made was deleted.
            clientRequestToken=str(uuid.uuid4()),
        )
        arn = str(made["provisionedModelArn"])
        entry = custom_entry(name, base, arn, arn.split(":")[3], described["modelName"])
        try:
            with translate_customisation_errors():
                self._wait(arn, rest)
                StageCustomisation(self._place).require_answer(arn)
                added.add(
                    entry,
                    throughput_prices(arn, usd_hour, units),
                    None,
                    replaces=added.added().has(name),
                    for_questions=False,
                )
        except CustomisationError as error:
            raise CustomisationError(
                f"{error} It is billed until it is deleted: headrace models provisioned --delete "
                f"{arn}"
            ) from error
        return self.throughput(arn)

    def throughput(self, identifier: str) -> Throughput:
        """Return a throughput by its name or ARN. Raises ClientError."""
        found = self._place.client("bedrock").get_provisioned_model_throughput(
            provisionedModelId=identifier
        )
        return Throughput(
            str(found["provisionedModelArn"]),
            str(found["provisionedModelName"]),
            str(found["modelArn"]),
            int(found["modelUnits"]),
            str(found["status"]),
        )

    def throughputs(self) -> Sequence[Throughput]:
        """Return all of the account and region. Raises ClientError."""
        bedrock, found = self._place.client("bedrock"), []
        given: dict[str, str] = {}
        while True:
            page = bedrock.list_provisioned_model_throughputs(**given)
            summaries = page["provisionedModelSummaries"]
            found += [self.throughput(each["provisionedModelArn"]) for each in summaries]
            if "nextToken" not in page:
                return found
            given = {"nextToken": page["nextToken"]}

    def delete(self, identifier: str) -> Sequence[str]:
        """Delete a throughput and the models that answer by it; return their names.

        Raises ClientError, such as for one with a commitment.
        """
        found = self.throughput(identifier)
        added = AddedModelStage(self._place)
        names = [
            str(entry["name"])
            for entry in added.added().models
            if entry["backend"].get("model_id") == found.arn
        ]
        self._place.client("bedrock").delete_provisioned_model_throughput(
            provisionedModelId=found.arn
        )
        for name in names:
            added.remove(name)
        return names

    def _wait(self, arn: str, rest: Callable[[float], None]) -> None:
        waited = 0.0
        while True:
            found = self._place.client("bedrock").get_provisioned_model_throughput(
                provisionedModelId=arn
            )
            if found["status"] == "InService":
                return
            if found["status"] == "Failed":
                said = found.get("failureMessage") or "AWS gives no reason"
                raise CustomisationError(f"{arn} is not provisioned: {said}.")
            if waited >= DEPLOY_SECONDS:
                raise CustomisationError(f"{arn} is not provisioned: it is {found['status']}.")
            rest(POLL_SECONDS)
            waited += POLL_SECONDS


def throughput_prices(arn: str, usd_hour: Decimal, units: int) -> list[Entry]:
    """Return the prices of a provisioned model's tokens: nothing beside its hours."""
    source = f"{usd_hour * units} $ an hour, whatever is asked"
    return [
        {
            "unit": f"bedrock.{arn}.{kind}",
            "dollars": "0",
            "date": datetime.now(UTC).date().isoformat(),
            "source": source,
        }
        for kind in ("input_token", "output_token")
    ]
