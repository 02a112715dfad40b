"""Custom Model Import on a stage: `headrace models import`.

The stage needs `Customisation=on`. The model is put under `models/bases/` of the stage's bucket, as
a base model is, and the state machine `import` is started and followed. An imported model answers
calls once it is added to the stage's models: `headrace models serve NAME ARN`.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-import-model.html
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.errors import InvalidInput
from chalicelib.generation.added_models import Entry
from chalicelib.generation.importable import import_limits
from infra.models.added_models import AddedModelStage
from infra.models.bases import BaseWish, PlacedBase, StageBases
from infra.models.customisation import CustomisationError, follow_execution
from infra.models.merger import PREFIX, small_object
from infra.models.training import TrainingStage
from infra.models.training_environment import INTERPRETER
from infra.stages import StageConnection
from models.bases.folder import CONFIG, RECORD

IMPORTED_MODEL = ":imported-model/"
"""The part of an ARN by which imported models are told from other resources."""
RESTORE_SECONDS = 600.0
"""How long a model that is not ready is waited for: AWS restores one in a minute or more."""
RESTORE_POLL_SECONDS = 15.0
_NAME = re.compile(r"(?=.{1,54}$)[0-9a-zA-Z](-?[0-9a-zA-Z])*")
"""The form of a model's name; its job's name, which is nine characters longer, fits as well."""
_NOT_READY = "ModelNotReadyException"
_HELLO = {"messages": [{"role": "user", "content": "Say: hello"}], "max_tokens": 8}


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """An imported model. `units` is what a copy of it needs, and is billed for while it answers.

    `source` is the folder in S3 that it was imported from.
    """

    arn: str
    name: str
    architecture: str
    units: int
    source: str = ""

    @property
    def usd_minute(self) -> Decimal:
        """Return what a copy costs in each minute of a window in which it answers."""
        return import_limits().usd_unit_minute * self.units

    @property
    def usd_month(self) -> Decimal:
        """Return what its storage costs in a month."""
        return import_limits().usd_unit_month * self.units


class StageImports:
    """Imports of one stage, and the models that came of them."""

    def __init__(self, place: StageConnection) -> None:
        """Connect to the stage by `place`."""
        self._place = place
        self._home = TrainingStage.of(place.outputs)
        self._machine = place.outputs["IngestMachineArn"].removesuffix("ingest") + "import"

    def require(self, name: str) -> None:
        """Raise InvalidInput if the stage imports nothing, or nothing of this name."""
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"{name!r} is no name of an imported model: letters and digits, with single "
                "hyphens between, 54 at most.",
                field="name",
            )
        import_limits().check_region(self._home.region)

    def put(self, wish: BaseWish) -> PlacedBase:
        """Return a model in the stage's bucket, merged and uploaded if need be.

        Raises:
            TrainingFailure: it cannot be had, or its licence was not accepted.
            InvalidInput: Bedrock does not import it, or may not read it.
            ClientError: AWS refuses.
        """
        home = self._home
        bases = StageBases(self._place.client, home.bucket, home.region, home.account, INTERPRETER)
        placed = bases.place(wish)
        files = {name: each.bytes for name, each in placed.record.files.items()}
        import_limits().check(placed.config, files, home.region)
        require_readable(placed.uri, home.bucket)
        return placed

    def start(self, name: str, placed: PlacedBase) -> str:
        """Start the machine, and return the execution's ARN. Raises ClientError."""
        execution = str(uuid.uuid4())
        job = {
            # A repeated request, whose answer was lost, finds the job of the first.
            "ClientRequestToken": execution,
            "JobName": f"{name}-{execution[:8]}",
            "ImportedModelName": name,
            "ModelDataSource": {"S3DataSource": {"S3Uri": placed.uri}},
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

    def model(self, identifier: str) -> ImportedModel:
        """Return an imported model by its name or ARN. Raises ClientError."""
        found = self._place.client("bedrock").get_imported_model(modelIdentifier=identifier)
        units = found.get("customModelUnits", {}).get("customModelUnitsPerModelCopy", 1)
        return ImportedModel(
            str(found["modelArn"]),
            str(found["modelName"]),
            str(found.get("modelArchitecture", "")),
            int(units),
            str(found.get("modelDataSource", {}).get("s3DataSource", {}).get("s3Uri", "")),
        )

    def models(self) -> Sequence[ImportedModel]:
        """Return the imported models of the account and region. Raises ClientError."""
        bedrock, found = self._place.client("bedrock"), []
        given: dict[str, str] = {}
        while True:
            page = bedrock.list_imported_models(**given)
            found += [self.model(each["modelArn"]) for each in page["modelSummaries"]]
            if "nextToken" not in page:
                return found
            given = {"nextToken": page["nextToken"]}

    def delete(self, identifier: str) -> None:
        """Delete an imported model. Raises CustomisationError while it serves; ClientError."""
        model = self.model(identifier)
        for entry in AddedModelStage(self._place).added().models:
            if entry["backend"].get("model_id") == model.arn:
                raise CustomisationError(
                    f"{model.name} answers as {entry['name']}; remove that first: headrace models "
                    f"remove {entry['name']}"
                )
        self._place.client("bedrock").delete_imported_model(modelIdentifier=model.arn)

    def serve(
        self, name: str, arn: str, rest: Callable[[float], None] = time.sleep
    ) -> ImportedModel:
        """Try an imported model, and add it to the stage's models as `name`.

        Raises:
            CustomisationError: it is not ready in ten minutes, or answers nothing.
            AddedModelError: the name is taken.
            ClientError: AWS refuses.
        """
        added = AddedModelStage(self._place)
        added.require_name(name)
        model = self.model(arn)
        self._try(model, rest)
        region = model.arn.split(":")[3]
        added.add(
            imported_entry(name, model, region, *self._context_and_licence(model)),
            imported_prices(model),
            None,
            replaces=added.added().has(name),
            for_questions=False,
        )
        return model

    def _context_and_licence(self, model: ImportedModel) -> tuple[int, str]:
        """Return what the imported files say of these, where they are still there."""
        config = self._document(model.source, CONFIG)
        record = self._document(model.source, RECORD)
        most = import_limits().max_context
        context = min(int(config.get("max_position_embeddings") or most), most)
        return context, str(record.get("licence") or "that of its base")

    def _document(self, folder: str, name: str) -> Mapping[str, Any]:
        """Return a file of a folder in S3, nothing if there is none or no such folder."""
        bucket, _, prefix = folder.removeprefix("s3://").rstrip("/").partition("/")
        key = f"{prefix}/{name}" if prefix else name
        written = small_object(self._place.client, bucket, key) if bucket else None
        try:
            found = json.loads(written or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _try(self, model: ImportedModel, rest: Callable[[float], None]) -> None:
        runtime, waited = self._place.client("bedrock-runtime"), 0.0
        while True:
            try:
                answered = runtime.invoke_model(
                    modelId=model.arn, body=json.dumps(_HELLO), contentType="application/json"
                )
                break
            except ClientError as error:
                if error.response["Error"]["Code"] != _NOT_READY:
                    raise
                if waited >= RESTORE_SECONDS:
                    raise CustomisationError(
                        f"{model.name} is not ready after {RESTORE_SECONDS:g} s. Repeat the "
                        "command."
                    ) from error
            rest(RESTORE_POLL_SECONDS)
            waited += RESTORE_POLL_SECONDS
        try:
            written = json.loads(answered["body"].read())["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError) as error:
            raise CustomisationError(
                f"{model.name} does not answer by chat completions: {error!r}"
            ) from error
        if not written:
            raise CustomisationError(f"{model.name} answered nothing, and does not serve.")


def require_readable(uri: str, bucket: str) -> None:
    """Raise InvalidInput for a folder that the role of imports does not read."""
    readable = f"s3://{bucket}/{PREFIX}"
    if not uri.startswith(readable):
        raise InvalidInput(
            f"{uri} is used where it lies, and imports read {readable} alone: download the folder, "
            "and name it as ./FOLDER.",
            field="model",
        )


def imported_entry(
    name: str, model: ImportedModel, region: str, context: int, licence: str
) -> Entry:
    """Return the catalogue's entry of an imported model, asked by InvokeModel in OpenAI's body."""
    limits = import_limits()
    return {
        "name": name,
        "title": f"{model.name}, imported",
        "provider": "own",
        "task": "chat",
        "tier": 1,
        "licence": licence,
        "backend": {
            "kind": "bedrock",
            "model_id": model.arn,
            "api": "invoke",
            "schema": "openai-chat",
            "regions": [region],
            "profiles": {},
        },
        "limits": {
            "context_tokens": context,
            "output_tokens": min(4096, context),
            "passage_tokens": min(1500, context // 2),
        },
        "inputs": ["text"],
        "outputs": ["text"],
        "abilities": ["streams"],
        "refuses": ["seed"],
        "lifecycle": {"status": "active"},
        "only": "what it was trained for on this stage",
        "notes": (
            f"{model.units} custom model units: Bedrock bills {model.usd_minute} $ for each minute "
            f"of a window of {limits.window_minutes} in which it answers, and budgets count tokens "
            f"at {limits.tokens_per_second} a second."
        ),
    }


def imported_prices(model: ImportedModel) -> list[Entry]:
    """Return the prices of an imported model's tokens, by which budgets count its time."""
    limits = import_limits()
    dollars = (limits.usd_token * model.units).quantize(Decimal("0.000000001"))
    source = f"{model.usd_minute} $ a minute at {limits.tokens_per_second} tokens a second"
    return [
        {
            "unit": f"bedrock.{model.arn}.{kind}",
            "dollars": f"{dollars / share:.12f}",
            "date": limits.facts.date,
            "source": source,
        }
        # A prompt is read many times faster than an answer is written.
        for kind, share in (("input_token", 10), ("output_token", 1))
    ]
