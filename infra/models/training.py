"""Training of a recipe on a stage: `headrace train`.

The stage needs `Training=on`. Data is prepared with the Python of the training environment, and put
with the code under `models/` of the stage's bucket. Then the state machine `train` is started and
followed.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra import stages
from infra.models import approval
from infra.models.bases import BaseWish, PlacedBase, StageBases
from infra.models.own_data import put_channel, require_rows, version_prefix
from infra.models.registry import (
    APPROVED,
    WAITING,
    RegisteredVersion,
    Registry,
    VersionNotFoundError,
    arn_of,
    group_of,
)
from infra.models.row_check import check_against_placed
from infra.models.training_environment import INTERPRETER, run_module
from models.bases.architectures import architecture_of
from models.bases.folder import CHANNEL as BASE_MODEL_CHANNEL
from models.failures import BadData, BadRecipe
from models.pull.base_references import NEW
from models.sagemaker import code_archive, fit, job_requests
from models.sagemaker.job_requests import JobLocations, JobSpec
from models.serving import packages
from models.serving.images import image
from models.training.job import CHAMPION_CHANNEL, MODEL_CHANNEL, TRAINING_CHANNEL

POLL_SECONDS = 2.0
_PREPARING_S = 1800
_LONGEST_REASON = 1000
UNAPPROVED_BASES = "--unapproved-bases"
"""The option that begins from models in spite of what speaks against them."""
_ROLE = "arn:aws:iam::{account}:role/chosen-by-the-machine"


class TrainingError(Exception):
    """Raised when the stage cannot be reached, does not train, or refuses."""


@contextmanager
def translate_training_errors() -> Iterator[None]:
    """Turn errors of AWS and of the connection into TrainingError."""
    try:
        yield
    except ClientError as error:
        hint = ""
        if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
            hint = " Deploy the stage with the parameter Training=on."
        raise TrainingError(f"{error}{hint}") from error
    except (BotoCoreError, VersionNotFoundError) as error:
        raise TrainingError(str(error)) from error


@dataclass(frozen=True, slots=True)
class TrainingStage:
    """Training resources of a stage, from the outputs of its stack."""

    stage: str
    region: str
    account: str
    bucket: str
    machine: str

    @classmethod
    def of(cls, outputs: Mapping[str, str]) -> TrainingStage:
        """Read the outputs; the machine's ARN has the prefix of the ingest machine."""
        machine = outputs["IngestMachineArn"].removesuffix("ingest") + "train"
        _, _, _, region, account, _, name = machine.split(":")
        stage = name.removeprefix("headrace-").removesuffix("-train")
        return cls(stage, region, account, outputs["DocumentsBucketName"], machine)


class StageTraining:
    """Trainings of one stage."""

    def __init__(
        self,
        place: stages.StageConnection,
        interpreter: Path = INTERPRETER,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Connect to the stage by `place`; `interpreter` prepares data, `say` tells of rows."""
        self._client = place.client
        self._interpreter = interpreter
        self._say = say
        self._registry = Registry(place.client)
        self.home = TrainingStage.of(place.outputs)

    def start(self, wish: JobSpec, bases: Mapping[str, str] | None = None) -> str:
        """Upload data and code, start the machine, and return the execution's ARN.

        `bases` are the ARNs of the versions that the recipe begins from, by their channels; of
        those that are missing it is the newest approved one. `base_model` is a reference to the
        base that a recipe tunes (see models/pull/base_references.py), by default the recipe's.
        What it makes is compared with the newest version that is approved, if there is one.

        Raises:
            BadRecipe: the request could not be sent, there is nothing to begin from, or its own
                rows are too few.
            BadData: the data could not be prepared.
            ClientError: the stage does not train, or refuses.
        """
        require_rows(wish)
        wish, places = self.from_bases(wish, bases or {})
        given = machine_input(self._group(wish), wish, places, self._champion(wish))
        self.put(wish)
        states = self._client("stepfunctions")
        begun = states.start_execution(
            stateMachineArn=self.home.machine, name=wish.job_name, input=json.dumps(given)
        )
        return str(begun["executionArn"])

    def follow(
        self, execution: str, rest: Callable[[float], None] = time.sleep
    ) -> Mapping[str, Any]:
        """Wait for an execution and return how it ended."""
        states = self._client("stepfunctions")
        while True:
            description: Mapping[str, Any] = states.describe_execution(executionArn=execution)
            if description["status"] != "RUNNING":
                return description
            rest(POLL_SECONDS)

    def from_bases(self, wish: JobSpec, bases: Mapping[str, str]) -> tuple[JobSpec, JobLocations]:
        """Return the specification and the locations of a training with those of its base models.

        Rows of the user's own are read as the training will read them.

        Raises:
            BadRecipe: there is no version to begin from, or one that is not approved and
                `wish.unapproved_bases` is empty, else the specification has the reasons; or the
                training does not fit its instance.
            BadData: the base model is of another kind than the recipe needs, or a row does not fit
                it.
            NoBase: the base model cannot be had.
            ClientError: AWS refuses.
        """
        given = dict(bases)
        placed = self._base_model(wish, given.pop(BASE_MODEL_CHANNEL, ""))
        for notice in check_against_placed(self._client, wish, placed, self._interpreter):
            self._say(f"data: {notice}")
        base_model = {BASE_MODEL_CHANNEL: placed.uri} if placed else {}
        places, found = self.locations(wish), self._bases(wish, given)
        problems = [
            f"{channel}: {problem}"
            for channel, version in found.items()
            if (problem := approval.status_problem(version))
        ]
        if problems and not wish.unapproved_bases:
            raise BadRecipe(approval.refusal(problems, UNAPPROVED_BASES))
        if problems:
            wish = replace(wish, unapproved_bases="; ".join(problems)[:_LONGEST_REASON])
        of_bases = {channel: version.artefact for channel, version in found.items()}
        return wish, replace(places, channels={**places.channels, **base_model, **of_bases})

    def _base_model(self, wish: JobSpec, reference: str) -> PlacedBase | None:
        """Return the base model that a recipe tunes, in the bucket, if it tunes one."""
        use = wish.recipe.base_model
        if use is None:
            if reference:
                raise BadRecipe(f"base: {wish.recipe.name} tunes no base model; it begins anew.")
            return None
        home = self.home
        bases = StageBases(self._client, home.bucket, home.region, home.account, self._interpreter)
        named, unapproved = reference or use.default, bool(wish.unapproved_bases)
        with self._rows(wish, named) as rows:
            placed = bases.place(BaseWish(named, wish.accepted_licences, unapproved, rows))
        architecture_of(placed.config, placed.record.name, use.kind)
        asked = None if wish.fits_unchecked else fit.asked_of(wish)
        sizes = fit.sizes_of(wish, placed.record, placed.config) if asked else None
        if asked and sizes:
            fit.require_fitting(wish, sizes, asked)
        return placed

    @contextmanager
    def _rows(self, wish: JobSpec, reference: str) -> Iterator[Path | None]:
        """Yield the channel with whose rows a new base begins; None for any other."""
        if not reference.startswith(NEW):
            yield None
            return
        if wish.channel is not None:
            yield wish.channel
            return
        with tempfile.TemporaryDirectory() as scratch:
            self._prepare(wish.recipe.dataset.name, Path(scratch))
            yield Path(scratch)

    def _bases(self, wish: JobSpec, given: Mapping[str, str]) -> dict[str, RegisteredVersion]:
        """Return the base models of the recipe, by their channels."""
        wanted = wish.bases
        if unknown := sorted(set(given) - set(wanted)):
            has = ", ".join(wanted) or "none"
            hint = " with these settings" if unknown[0] in wish.recipe.optional_bases else ""
            raise BadRecipe(
                f"base: {wish.recipe.name} has no {unknown[0]!r}{hint}; its bases are: {has}."
            )
        versions = {}
        for channel, recipe in wanted.items():
            group = group_of(self.home.stage, recipe)
            named, home = given.get(channel), self.home
            version = (
                self._registry.version(arn_of(home.region, home.account, named))
                if named
                else self._newest_base(wish, group)
            )
            if version is None:
                raise BadRecipe(
                    f"{wish.recipe.name} begins from a model of {recipe}, and {group} has no "
                    f"approved version: train {recipe} first and approve it, or name one by "
                    f"--base {channel}=ARN."
                )
            if version.group != group:
                raise BadRecipe(
                    f"base: {channel} is a model of {recipe}, a version of {group}; "
                    f"{version.name} is none."
                )
            versions[channel] = version
        return versions

    def _newest_base(self, wish: JobSpec, group: str) -> RegisteredVersion | None:
        """Return the newest approved version, or else the newest waiting one if that is allowed."""
        newest = self._newest(group, APPROVED)
        return newest or (self._newest(group, WAITING) if wish.unapproved_bases else None)

    def _champion(self, wish: JobSpec) -> dict[str, str]:
        """Return the location of the approved model, or None if there is none."""
        newest = self._newest(self._group(wish), APPROVED)
        return {CHAMPION_CHANNEL: newest.artefact} if newest else {}

    def _newest(self, group: str, status: str | None = None) -> RegisteredVersion | None:
        """Return the newest version of a group, which need not exist yet."""
        return self._registry.newest(group, status) if self._registry.has(group) else None

    def put(self, wish: JobSpec) -> None:
        """Upload data and code, and create the group of registered versions; may be repeated.

        Raises:
            BadData: the data could not be prepared.
            ClientError: AWS refuses.
        """
        s3 = self._client("s3")
        if wish.channel is not None:
            put_channel(self._client, self.home.bucket, wish.channel)
        else:
            self._put_data_set(wish)
        key = f"models/code/{wish.job_name}.tar.gz"
        s3.put_object(Bucket=self.home.bucket, Key=key, Body=code_archive.build_archive())
        self.create_group(wish)

    def _put_data_set(self, wish: JobSpec) -> None:
        """Upload the recipe's data set, of which files of `wish.data` may take the place."""
        s3, name = self._client("s3"), wish.recipe.dataset.name
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            self._prepare(name, folder)
            if wish.data is not None:
                replace_files(folder, wish.data, name)
            for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                key = f"{_data_prefix(wish)}{path.relative_to(folder).as_posix()}"
                with path.open("rb") as body:
                    s3.put_object(Bucket=self.home.bucket, Key=key, Body=body)

    def create_group(self, wish: JobSpec) -> None:
        """Create the group of the recipe's versions, if it is not there. Raises ClientError."""
        sagemaker = self._client("sagemaker")
        if not self._registry.has(self._group(wish)):
            with suppress(sagemaker.exceptions.ConflictException):
                sagemaker.create_model_package_group(
                    ModelPackageGroupName=self._group(wish),
                    ModelPackageGroupDescription=wish.recipe.about,
                )

    def _prepare(self, name: str, into: Path) -> None:
        try:
            run_module(
                self._interpreter, "models.datasets", (name, str(into)), timeout_s=_PREPARING_S
            )
        except BadData as error:
            raise BadData(f"The data set {name} cannot be prepared: {error}") from error

    def _group(self, wish: JobSpec) -> str:
        return group_of(self.home.stage, wish.recipe.name)

    def locations(self, wish: JobSpec) -> JobLocations:
        """Return where a training without bases reads and writes."""
        root = f"s3://{self.home.bucket}/models"
        return JobLocations(
            role_arn=_ROLE.format(account=self.home.account),
            region=self.home.region,
            code=f"{root}/code/{wish.job_name}.tar.gz",
            channels={TRAINING_CHANNEL: f"s3://{self.home.bucket}/{_data_prefix(wish)}"},
            output=f"{root}/trained/{wish.recipe.name}",
            checkpoints=f"{root}/checkpoints/{wish.job_name}/",
            cache=f"{root}/neuron-cache/",
        )


def machine_input(
    group: str, wish: JobSpec, places: JobLocations, champion: Mapping[str, str]
) -> dict[str, Any]:
    """Return the input of the state machine `train`: the group of versions, both requests, and
    the image that serves what comes of them.

    `places.channels` are the data and the bases, `champion` is the channel of the model that the
    new one is compared with, if there is one. Raises BadRecipe for a request that can't be sent.
    """
    trained = f"{places.output}/{wish.job_name}/output/model.tar.gz"
    shared = (TRAINING_CHANNEL, BASE_MODEL_CHANNEL, *wish.recipe.optional_bases)
    data = {name: uri for name, uri in places.channels.items() if name in shared}
    judged = replace(
        places,
        channels={**data, MODEL_CHANNEL: trained, **champion},
        checkpoints=f"{places.checkpoints}finish/",
    )
    finish = replace(wish, job_name=f"{wish.job_name}-finish")
    return {
        "group": group,
        "training": job_requests.training_request(wish, places),
        "finishing": job_requests.finish_request(finish, judged),
        "serving": {
            "image": image(packages.IMAGE).uri(places.region),
            "content_types": list(packages.CONTENT_TYPES),
        },
    }


def _data_prefix(wish: JobSpec) -> str:
    """Return where the data of a training lies; data of one's own has a place of its own.

    Rows of one's own are there once a version, whatever trains on them.
    """
    if wish.channel is not None:
        return version_prefix(wish.channel)
    if wish.data is not None:
        return f"models/data/own/{wish.job_name}/"
    return data_prefix(wish.recipe.dataset.name)


def data_prefix(dataset: str) -> str:
    """Return where a stage has a data set as it was prepared last."""
    return f"models/data/{dataset}/"


def replace_files(prepared: Path, own: Path, name: str) -> None:
    """Replace files of the prepared data set `name` by those of the folder `own`.

    Files that the data set does not have, such as a list of sources, are left out.

    Raises:
        BadData: the folder is not there, or has no file of the data set.
    """
    known = sorted(path.name for path in prepared.iterdir())
    found = [each for each in known if (own / each).is_file()]
    if not found:
        raise BadData(
            f"{own} has no file of the data set {name}; its files are {', '.join(known)}."
        )
    for each in found:
        shutil.copyfile(own / each, prepared / each)


def training_name(home: TrainingStage, wished: str, now: Callable[[], float] = time.time) -> str:
    """Return a unique name for a job of a recipe, by the second."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now()))
    return f"headrace-{home.stage}-{wished.replace('_', '-')}-{moment}"
