"""Fine-tuning of Bedrock's models on a stage: `headrace train --target bedrock`.

The stage needs `Customisation=on`. Conversations are put under `models/bedrock/` of the stage's
bucket, and the state machine `customise` is started and followed. A custom model answers calls once
it is deployed and added to the stage's models: `headrace models serve NAME ARN`.
https://docs.aws.amazon.com/nova/latest/userguide/customize-fine-tune.html
"""

from __future__ import annotations

import json
import math
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.generation.added_models import Entry
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.customisable import (
    RESERVED_WORDS,
    CustomisableModel,
    customisable_models,
)
from chalicelib.generation.model_file import SERVED_FILE
from infra.models.added_models import AddedModelError, AddedModelStage
from infra.stages import Client, StageConnection
from models.training_data.rows import ChatExample

ROWS = "models/bedrock/rows/"
"""Where conversations lie while a job runs: its machine deletes them, and what is left expires."""
CUSTOM_MODEL = ":custom-model/"
"""The part of an ARN by which custom models are told from other resources."""

POLL_SECONDS = 5.0
DEPLOY_SECONDS = 1800.0
_NAME = re.compile(r"[0-9a-zA-Z]([_-]?[0-9a-zA-Z]){0,62}")
_MAX_NAME = 63
_CHARACTERS_OF_A_TOKEN = 3
"""Fewer than English has, so that an estimate is too high rather than too low."""


class CustomisationError(Exception):
    """Raised when a stage cannot fine-tune or serve a custom model, with what to do about it."""


@contextmanager
def translate_customisation_errors() -> Iterator[None]:
    """Turn errors of AWS, of the connection and of the product into CustomisationError."""
    try:
        yield
    except HeadraceError as error:
        raise CustomisationError(error.message) from error
    except AddedModelError as error:
        raise CustomisationError(str(error)) from error
    except ClientError as error:
        hint = ""
        if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
            hint = " Deploy the stage with the parameter Customisation=on."
        raise CustomisationError(f"{error}{hint}") from error
    except BotoCoreError as error:
        raise CustomisationError(str(error)) from error


@dataclass(frozen=True, slots=True)
class CustomisationEstimate:
    """What a fine-tuning costs at most, in dollars: once, and in each month that it is kept."""

    records: int
    tokens: int
    epochs: int
    training_usd: Decimal
    month_usd: Decimal


def estimate_customisation(
    base: CustomisableModel, settings: Mapping[str, str], lines: Sequence[str]
) -> CustomisationEstimate:
    """Return the cost of a fine-tuning on conversations, by an overestimate of their tokens."""
    tokens = sum(math.ceil(len(line) / _CHARACTERS_OF_A_TOKEN) for line in lines)
    epochs = int(settings["epochCount"])
    usd = base.usd_million_tokens * tokens * epochs / 1_000_000
    return CustomisationEstimate(len(lines), tokens, epochs, usd, base.usd_model_month)


def conversation_lines(base: CustomisableModel, rows: Sequence[ChatExample]) -> list[str]:
    """Return conversations as Bedrock reads them, a line each.

    Raises:
        InvalidInput: there are too few or too many, or one has a word that Bedrock reserves.
    """
    if not base.least_records <= len(rows) <= base.most_records:
        raise InvalidInput(
            f"The data has {len(rows)} conversations to learn from; {base.identifier} takes "
            f"{base.least_records} to {base.most_records}.",
            field="data",
        )
    return [json.dumps(_conversation(row, number)) for number, row in enumerate(rows, 1)]


def _conversation(row: ChatExample, number: int) -> dict[str, Any]:
    system = [turn.content for turn in row.messages if turn.role == "system"]
    turns = [turn for turn in row.messages if turn.role != "system"]
    for turn in row.messages:
        found = [word for word in RESERVED_WORDS if word in turn.content]
        if found and turn.role != "assistant":
            raise InvalidInput(
                f"Conversation {number} has {found[0]!r} in a turn of the {turn.role}, which "
                "Bedrock reserves; put another word in its place.",
                field="data",
            )
    record: dict[str, Any] = {"schemaVersion": "bedrock-conversation-2024"}
    if system:
        record["system"] = [{"text": "\n".join(system)}]
    record["messages"] = [
        {"role": turn.role, "content": [{"text": turn.content}]} for turn in turns
    ]
    return record


def follow_execution(
    client: Client, execution: str, rest: Callable[[float], None]
) -> Mapping[str, Any]:
    """Wait for an execution and return how it ended. Raises ClientError."""
    states = client("stepfunctions")
    while True:
        described: Mapping[str, Any] = states.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        rest(POLL_SECONDS)


class StageCustomisation:
    """Fine-tunings of one stage, and the models that came of them."""

    def __init__(self, place: StageConnection) -> None:
        """Connect to the stage by `place`."""
        self._place = place
        self._machine = place.outputs["IngestMachineArn"].removesuffix("ingest") + "customise"
        self._bucket = place.outputs["DocumentsBucketName"]
        self._stage = self._machine.rpartition(":")[2].split("-")[1]

    def start(
        self,
        name: str,
        base: CustomisableModel,
        settings: Mapping[str, str],
        lines: Sequence[str],
    ) -> str:
        """Upload conversations, start the machine, and return the execution's ARN.

        `name` is the custom model's. Raises InvalidInput for a name that Bedrock does not take, and
        ClientError.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"{name!r} is no name of a custom model: letters and digits, with single hyphens "
                "or underscores between, 63 at most.",
                field="name",
            )
        execution = str(uuid.uuid4())
        # A job whose name Bedrock refuses deletes its own rows, and not those of the one that runs.
        rows = f"{ROWS}{name}/{execution}/train.jsonl"
        body = "".join(f"{line}\n" for line in lines).encode()
        self._place.client("s3").put_object(Bucket=self._bucket, Key=rows, Body=body)
        job = {
            # A repeated request, whose answer was lost, finds the job of the first.
            "ClientRequestToken": execution,
            "JobName": name,
            "CustomModelName": name,
            "BaseModelIdentifier": base.identifier,
            "CustomizationType": "FINE_TUNING",
            "HyperParameters": dict(settings),
            "TrainingDataConfig": {"S3Uri": f"s3://{self._bucket}/{rows}"},
            "OutputDataConfig": {"S3Uri": f"s3://{self._bucket}/models/bedrock/{name}/"},
        }
        begun = self._place.client("stepfunctions").start_execution(
            stateMachineArn=self._machine, name=execution, input=json.dumps({"job": job})
        )
        return str(begun["executionArn"])

    def follow(
        self, execution: str, rest: Callable[[float], None] = time.sleep
    ) -> Mapping[str, Any]:
        """Wait for an execution and return how it ended."""
        return follow_execution(self._place.client, execution, rest)

    def serve(self, name: str, model: str, rest: Callable[[float], None] = time.sleep) -> str:
        """Deploy a custom model, try it, and add it to the stage's models as `name`.

        Returns the ARN of the deployment, by which Bedrock answers. A model that was added by the
        name before is replaced; its deployment stays, to go back to.

        Raises:
            CustomisationError: it is not deployed in half an hour, or answers nothing.
            AddedModelError: the name is taken.
            ClientError: AWS refuses.
        """
        added = AddedModelStage(self._place)
        added.require_name(name)
        bedrock = self._place.client("bedrock")
        described = bedrock.get_custom_model(modelIdentifier=model)
        base = customisable_models().base(described["baseModelArn"].rpartition("/")[2])
        deployment = self.deploy(name, model, rest)
        self.require_answer(deployment)
        region = deployment.split(":")[3]
        entry = custom_entry(name, base, deployment, region, described["modelName"])
        added.add(
            entry,
            custom_prices(base, deployment),
            None,
            replaces=added.added().has(name),
            for_questions=False,
        )
        return deployment

    def deploy(self, name: str, model: str, rest: Callable[[float], None]) -> str:
        """Return the ARN of an active deployment of a custom model, which is made if need be."""
        bedrock = self._place.client("bedrock")
        named = deployment_name(self._stage, name, model)
        made = bedrock.create_custom_model_deployment(
            modelDeploymentName=named, modelArn=model, clientRequestToken=named
        )
        arn = str(made["customModelDeploymentArn"])
        waited = 0.0
        while True:
            found = bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)
            if found["status"] == "Active":
                return arn
            if found["status"] == "Failed":
                said = found.get("failureMessage") or "AWS gives no reason"
                raise CustomisationError(
                    f"{model} is not deployed: {said}. Delete the deployment {arn}, and repeat the "
                    "command."
                )
            if waited >= DEPLOY_SECONDS:
                raise CustomisationError(
                    f"{model} is not deployed: it is {found['status']}. Repeat the command."
                )
            rest(POLL_SECONDS)
            waited += POLL_SECONDS

    def require_answer(self, deployment: str) -> None:
        """Raise CustomisationError if a deployed model answers nothing. Raises ClientError."""
        answer = self._place.client("bedrock-runtime").converse(
            modelId=deployment,
            messages=[{"role": "user", "content": [{"text": "Say: hello"}]}],
            inferenceConfig={"maxTokens": 8},
        )
        if not answer["output"]["message"]["content"]:
            raise CustomisationError(f"{deployment} answered nothing, and does not serve.")


def deployment_name(stage: str, name: str, model: str) -> str:
    """Return the name of the deployment by which a custom model answers as `name` on a stage.

    It ends with the model's id and is of at most 63 letters, digits and single hyphens.
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateCustomModelDeployment.html
    """
    unique = model.rpartition("/")[2]
    told = re.sub(r"[^0-9a-zA-Z]+", "-", f"headrace-{stage}-{name}")
    return f"{told[: _MAX_NAME - len(unique) - 1].rstrip('-')}-{unique}"


def custom_entry(
    name: str, base: CustomisableModel, deployment: str, region: str, model_name: str
) -> Entry:
    """Return the catalogue's entry of a deployed custom model: its base's, by its own ARN.

    Fine-tuned models of Nova cannot call tools.
    """
    written = json.loads(SERVED_FILE.read_text(encoding="utf-8"))
    entry: Entry = next(each for each in written["models"] if each["name"] == base.model)
    kept = {key: value for key, value in entry.items() if key not in _OF_BASE_ALONE}
    backend = {
        "kind": "bedrock",
        "model_id": deployment,
        "api": entry["backend"]["api"],
        "schema": entry["backend"]["schema"],
        "regions": [region],
        "profiles": {},
    }
    abilities = [each for each in entry["abilities"] if not each.startswith("tool")]
    title = f"{entry['title']}, fine-tuned as {model_name}"
    return {**kept, "name": name, "title": title, "abilities": abilities, "backend": backend}


_OF_BASE_ALONE = ("aliases", "fallbacks", "batch", "flex")


def custom_prices(base: CustomisableModel, deployment: str) -> list[Entry]:
    """Return the prices of a deployed custom model: on demand, those of its base."""
    prices = catalogue().prices
    identifier = base.identifier.rpartition(":")[0]
    return [
        {
            "unit": f"bedrock.{deployment}.{kind}",
            "dollars": str(found.dollars),
            "date": found.date.isoformat(),
            "source": found.source,
        }
        for kind in ("input_token", "output_token")
        for found in [prices[f"bedrock.{identifier}.{kind}"]]
    ]
