"""Serving of a registered version by a stage: `headrace models serve`.

Only an approved version that reaches its gates serves, unless its operator overrides that. Its
files are verified against its manifest, the model is tried here, and both are put under
`models/serving/` of the stage's bucket. Then one object is written that names the version,
which functions notice within half a minute. Files of versions that serve neither now nor just
before are removed last. A rollout names a candidate beside the version that serves, with the share
of end users that it answers.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.contracts.serving import (
    ROOT,
    ServedVersion,
    Serving,
)
from chalicelib.generation.added_models import Entry
from chalicelib.generation.models import FunctionBackend
from infra import stages
from infra.models import approval
from infra.models.added_models import AddedModelError, AddedModelStage, translate_model_errors
from infra.models.registry import (
    RegisteredVersion,
    Registry,
    VersionNotFoundError,
    arn_of,
)
from infra.models.served_embedders import EMBEDS_TEXTS, files_prefix, indexed_prefixes
from infra.models.served_files import ObjectVersion, ServedFiles
from infra.models.serving_pointers import ServingPointers
from infra.models.shared_files import SharedFiles, shared_files
from infra.models.trained_entry import NameStanding, standing_entry, trained_entry
from infra.models.training import TrainingStage
from infra.models.version_files import (
    ServingError,
    require_memory,
    verified_signature,
    version_reader,
)
from infra.models.version_trial import (
    OPENED_BY,
    backend_of,
    may_go_on,
    require_fit,
    require_tenants,
    trained_backends,
    try_model,
)
from models.failures import BadRecipe

_WHOLE = 100
_ONE_VERSION_AT_A_TIME = frozenset({"embed_image", EMBEDS_TEXTS})


@contextmanager
def translate_serving_errors() -> Iterator[None]:
    """Turn errors of AWS and of the connection into ServingError."""
    try:
        yield
    except (ClientError, BotoCoreError, VersionNotFoundError, AddedModelError) as error:
        raise ServingError(str(error)) from error


class VersionServing:
    """The trained models that one stage serves."""

    def __init__(self, place: stages.StageConnection) -> None:
        """Connect to the stage by `place`."""
        self._home = TrainingStage.of(place.outputs)
        self._s3 = place.client("s3")
        self._files = ServedFiles(self._s3, self._home.bucket)
        self._pointers = ServingPointers(self._s3, self._home.bucket)
        self._shared = SharedFiles(self._s3, self._home.bucket)
        self._registry = Registry(place.client)
        self._place = place

    def serve(
        self,
        name: str,
        wanted: str,
        *,
        unapproved: bool = False,
        share: float | None = None,
        base_only: bool = False,
        standing: NameStanding | None = None,
        for_all_tenants: bool = False,
    ) -> Serving:
        """Serve the model `name` by a version, an ARN or GROUP/NUMBER; return what serves.

        A name that models/served.json does not have becomes a model of the stage, which the
        version's manifest describes.

        Args:
            name: the model.
            wanted: the version.
            unapproved: whether it serves whatever its approval and gates; the record of what
                serves then has the reasons.
            share: the percentage of end users that it answers as the candidate, beside the version
                that serves; 0 answers only calls that name the candidate. None has it serve all,
                and ends a rollout.
            base_only: whether its base answers, without what was tuned on it.
            standing: how an operator's own name stands among other models; None leaves it.
            for_all_tenants: whether it answers all though it learned from the data of one.

        Raises:
            ServingError: the version is not approved, of the preset smoke, below its gates, or
                learned from the data of one tenant; its files do not make a model, or one of
                another recipe or task, or one that is too large for its function; or a concurrent
                call served another version; or it serves, but files of earlier versions could not
                be removed; or there is no other version that it could be a candidate beside.
            ClientError, VersionNotFoundError: the version does not exist, or AWS refuses.
        """
        arn = arn_of(self._home.region, self._home.account, wanted)
        version = self._registry.version(arn)
        with self._registry.left(version) as folder:
            fetch = version_reader(folder, version)
            content = fetch(FILE)
            signature = verified_signature(version, content, fetch)
            entry = self._entry(name, version, signature, base_only=base_only)
            entry = self._standing(name, entry, standing)
            backend = backend_of(name, entry)
            require_fit(name, backend, version, signature)
            require_memory(signature, version, backend.memory_mb, backend.function)
            if share is not None:
                self._require_rollout(name, backend, version, share)
                self._require_chat(name, backend, version)
            require_tenants(version, signature, for_all_tenants=for_all_tenants)
            problems = approval.use_problems(version, signature)
            if problems and not unapproved:
                raise ServingError(approval.refusal(problems, approval.OVERRIDE))
            sha256 = hashlib.sha256(content).hexdigest()
            serves = ServedVersion(
                arn=version.arn,
                prefix=files_prefix(name, version.name, sha256, backend.function),
                signature=sha256,
                unapproved=tuple(problems),
                shared=shared_files(signature),
                base_only=base_only,
            )
            try_model(OPENED_BY[backend.function], fetch, serves)
            there = self._files.of(
                f"{ROOT}/{name}/"
            )  # before it is named: later uploads of others stay
            self._shared.put(serves, fetch)
            elsewhere = {each.name for each in serves.shared}
            for file in (*signature.hashes, FILE):  # the manifest last
                if file not in elsewhere:
                    self._s3.put_object(
                        Bucket=self._home.bucket, Key=f"{serves.prefix}{file}", Body=fetch(file)
                    )
        serving = self._name(name, serves, share)
        if entry is not None and share is None:  # a candidate answers as what serves is described
            with translate_model_errors():
                self._names.add(entry, [], None, replaces=True, for_questions=False)
        self._tidy(serving, there)
        return serving

    @property
    def _names(self) -> AddedModelStage:
        """Return the models that were added to the stage. Raises AddedModelError."""
        return AddedModelStage(self._place)

    def _own_names(self) -> list[str]:
        """Return the names of operators' own; a stage of an older deployment has none."""
        try:
            return [entry["name"] for entry in self._names.added().models]
        except AddedModelError:
            return []

    def _entry(
        self, name: str, version: RegisteredVersion, signature: Signature, *, base_only: bool
    ) -> Entry | None:
        """Return the entry of a name of the operator's own, or None for one of the catalogue."""
        if name in trained_backends():
            return None
        try:
            entry = trained_entry(name, version.name, signature, base_only=base_only)
        except (ValueError, BadRecipe) as error:
            known = ", ".join(trained_backends())
            raise ServingError(
                f"No trained model answers as {name!r}; there are {known}. {error}"
            ) from error
        self._names.require_name(name)
        old = self._own_entry(name)
        if old is None:
            return entry
        if old["backend"]["kind"] != "function":
            raise ServingError(f"{name} is a model that was added by `models add`; take another.")
        if old["task"] != entry["task"]:
            raise ServingError(
                f"{name} is a model of the task {old['task']}, and {version.name} is of"
                f" {entry['task']}: serve it under another name."
            )
        return entry

    def _standing(self, name: str, entry: Entry | None, given: NameStanding | None) -> Entry | None:
        """Return the entry with its tier and fallbacks; a model of the catalogue has its own."""
        if entry is None and given is None:
            return None
        try:
            models = self._names.models().models
            return standing_entry(name, entry, self._own_entry(name), given, models)
        except ValueError as error:
            raise ServingError(str(error)) from error

    def _own_entry(self, name: str) -> Entry | None:
        """Return the entry of a name that was added to the stage."""
        added = self._names.added().models
        return next((each for each in added if each["name"] == name), None)

    def _require_chat(
        self, name: str, backend: FunctionBackend, version: RegisteredVersion
    ) -> None:
        """Raise ServingError if a candidate reads no conversations, and what serves does."""
        old = self._own_entry(name) if name not in trained_backends() else None
        if old is not None and old["backend"].get("chat") and not backend.chat:
            raise ServingError(
                f"{version.name} has no chat template, and {name} is sent conversations: its share"
                " of them would fail."
            )

    def _require_rollout(
        self, name: str, backend: FunctionBackend, version: RegisteredVersion, share: float
    ) -> None:
        """Raise ServingError if a version can't be the candidate of a rollout."""
        if not 0 <= share <= _WHOLE:
            raise ServingError(f"A rollout's share is 0 to {_WHOLE} percent, not {share:g}.")
        if backend.function in _ONE_VERSION_AT_A_TIME:
            raise ServingError(
                f"{name} makes vectors, and those of two versions cannot be compared: serve"
                f" {version.name} at once, without --rollout."
            )
        old, _ = self._pointers.read(name)
        if old is None:
            raise ServingError(
                f"Nothing serves as {name} yet, so that there is nothing to roll out from; leave"
                " --rollout out."
            )
        if old.serves.arn == version.arn:
            raise ServingError(
                f"{version.name} is what serves as {name}; without --rollout, a rollout of another"
                " version ends."
            )

    def _name(self, name: str, serves: ServedVersion, share: float | None) -> Serving:
        """Write which version serves, or which is the candidate, unless a concurrent writer
        changed it.
        """
        old, condition = self._pointers.read(name)
        if share is not None:
            if old is None:
                raise ServingError(f"What serves as {name} was removed just now; look, and repeat.")
            changes = {"candidate": serves, "share": share, "since": datetime.now(UTC)}
            return self._pointers.write(old.model_copy(update=changes), condition)
        before = None
        if old is not None:
            before = old.before if old.serves.arn == serves.arn else old.serves
        if before is not None and not may_go_on(self._registry, before):
            before = None
        serving = Serving(name=name, serves=serves, before=before, since=datetime.now(UTC))
        return self._pointers.write(serving, condition)

    def served_names(self, version: RegisteredVersion) -> list[str]:
        """Return the models that a version answers as now. Raises ClientError."""
        names = [*trained_backends(), *self._own_names()]
        found = {name: self._pointers.read(name)[0] for name in names}
        return [
            name
            for name, old in found.items()
            if old is not None
            and version.arn in {each.arn for each in (old.serves, old.candidate) if each}
        ]

    def _tidy(self, serving: Serving, there: Sequence[ObjectVersion]) -> None:
        """Delete those of the objects `there` that no version needs which may answer."""
        kept = (serving.serves, serving.before, serving.candidate)
        prefixes = [each.prefix for each in kept if each is not None]
        prefixes += indexed_prefixes(self._place, serving)
        gone = [each for each in there if not each[0].startswith(tuple(prefixes))]
        try:
            self._files.delete(gone)
            self._shared.tidy()
        except (ClientError, BotoCoreError, ServingError) as error:
            raise ServingError(
                f"{serving.serves.label} serves as {serving.name}. What earlier versions left could"
                f" not be removed, and will be when one is served again: {error}"
            ) from error
