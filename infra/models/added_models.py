"""Adding of models behind servers of OpenAI's API to a stage: `headrace models add`.

The entry and its prices are written to the stage's records, which every function that calls models
reads again within seconds. The key is kept in Secrets Manager.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from chalicelib.adapters.checked_http import resolve
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.models.openai_client import OpenAiServers
from chalicelib.adapters.models.openai_compatible import OpenAiCompatibleCaller
from chalicelib.adapters.records.added_models import AddedModelRecords
from chalicelib.contracts.addresses import is_public, parse_target
from chalicelib.contracts.generations import ChatCall, EmbedCall, Message, Reply, TextPart
from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.generation.added_models import AddedModels, Entry, StageModels, merge_models
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import parse_model, served_models
from chalicelib.generation.model_schema import ModelEntry
from chalicelib.generation.models import AUTO, OpenAiBackend
from infra.stages import StageConnection

PROBE_SECONDS = 60
"""The first call of a server may load the model."""
LIST_SECONDS = 10
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_KEYS_OUTPUT, _TARGETS_OUTPUT = "ModelKeysPrefix", "ModelTargets"


class AddedModelError(Exception):
    """Raised when a model cannot be added, checked or removed, with what to do about it."""


@contextmanager
def translate_model_errors() -> Iterator[None]:
    """Turn errors of AWS, of the connection and of the product into `AddedModelError`."""
    try:
        yield
    except HeadraceError as error:
        raise AddedModelError(error.message) from error
    except (ClientError, BotoCoreError) as error:
        raise AddedModelError(str(error)) from error


@dataclass(frozen=True, slots=True)
class GivenKey:
    """A key read by the command instead of Secrets Manager, for a server that is tried first."""

    value: str

    def key(self, secret: str, *, fresh: bool = False) -> str:
        """Return the key, whichever secret will hold it."""
        return self.value


class AddedModelStage:
    """The added models of one stage: its records and its secrets."""

    def __init__(self, place: StageConnection) -> None:
        """Connect to the stage by `place`. Raises `AddedModelError` for an older stage."""
        if _KEYS_OUTPUT not in place.outputs:
            raise AddedModelError(
                "This stage was deployed before models could be added to it; deploy it again."
            )
        table = DynamoTable(place.client("dynamodb"), place.outputs["RecordsTableName"])
        self._records = AddedModelRecords(table)
        self._place = place
        self._keys_prefix = place.outputs[_KEYS_OUTPUT]
        self._private_allowed = place.outputs.get(_TARGETS_OUTPUT) == "any"

    def models(self) -> StageModels:
        """Return the models of the files and the added ones."""
        return _merged(self._records.read()[0])

    def added(self) -> AddedModels:
        """Return the added models."""
        return self._records.read()[0]

    def secret_name(self, name: str) -> str:
        """Return the name of the secret for the key of the model `name`."""
        return f"{self._keys_prefix}{name}"

    def require_name(self, name: str) -> None:
        """Raise `AddedModelError` if no added model may be called `name`."""
        if not _NAME.fullmatch(name) or name == AUTO:
            raise AddedModelError(
                f"{name!r} is no name of a model: it has 1 to 63 lower-case letters, digits, dots"
                f" and hyphens, begins with a letter or digit, and is not {AUTO}."
            )
        if served_models().models.get(name) or served_models().by_alias(name):
            raise AddedModelError(f"{name} is the name of a model of the catalogue; take another.")

    def require_target(self, url: str) -> None:
        """Raise `AddedModelError` if the stage may not call `url`."""
        try:
            target = parse_target(url, private_allowed=self._private_allowed)
            if self._private_allowed:
                return
            private = [a for a in resolve(target.host, target.port) if not is_public(a)]
            if private:
                raise InvalidInput(f"{target.host} leads to a private address.", field="url")
        except InvalidInput as error:
            raise AddedModelError(
                f"{error.message} A stage whose parameter ModelTargets is `any` also calls plain"
                " http and private addresses."
            ) from error
        except OSError as error:
            raise AddedModelError(f"{urlsplit(url).hostname} has no address: {error}") from error

    def add(
        self,
        model: Entry,
        prices: list[Entry],
        key: str | None,
        *,
        replaces: bool,
        for_questions: bool,
    ) -> None:
        """Add `model`, or replace one of its name, and keep its `key`; with None, the kept one.

        Raises:
            AddedModelError: the name is taken, or the entry is invalid.
        """
        added, version = self._records.read()
        name = model["name"]
        self.require_name(name)
        if added.has(name) and not replaces:
            raise AddedModelError(f"{name} was added before; --replace gives it another entry.")
        _require_valid(model)
        if key is not None:
            self._put_secret(self.secret_name(name), key)
        changed = added.with_model(model, prices, for_questions=for_questions)
        _merged(changed)
        self._records.write(changed, version)
        for secret in set(added.secrets_of(name)) - set(changed.secrets_of(name)):
            self._delete_secret(secret)

    def entry(self, name: str) -> Entry:
        """Return the entry of an added model. Raises `AddedModelError` if none is called `name`."""
        models = self.added().models
        for entry in models:
            if entry["name"] == name:
                return entry
        known = ", ".join(entry["name"] for entry in models) or "none"
        raise AddedModelError(f"No model was added as {name!r}; added: {known}.")

    def remove(self, name: str) -> None:
        """Remove the model `name` and its key. Raises `AddedModelError` if it was not added."""
        self.entry(name)
        added, version = self._records.read()
        self._records.write(added.without(name), version)
        for secret in added.secrets_of(name):
            self._delete_secret(secret)

    def key_of(self, name: str) -> str:
        """Return the kept key of the model `name`, empty if it has none."""
        for secret in self.added().secrets_of(name):
            value = self._place.client("secretsmanager").get_secret_value(SecretId=secret)
            return str(value["SecretString"])
        return ""

    def _put_secret(self, secret: str, value: str) -> None:
        client = self._place.client("secretsmanager")
        try:
            client.create_secret(
                Name=secret, SecretString=value, Description="The key of a model's server."
            )
        except client.exceptions.ResourceExistsException:
            client.put_secret_value(SecretId=secret, SecretString=value)

    def _delete_secret(self, secret: str) -> None:
        client = self._place.client("secretsmanager")
        try:
            client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        except client.exceptions.ResourceNotFoundException:
            return


def list_ids(url: str, key: str) -> tuple[str, ...]:
    """Return the ids of the models that the server at `url` lists. Raises `HeadraceError`."""
    backend = OpenAiBackend(url, "the models", "openai-chat", secret="given" if key else "")
    return _servers(key).listed(backend, LIST_SECONDS)


def try_model(entry: Entry, key: str) -> Reply:
    """Return the answer of a model to the shortest call of its task.

    Raises:
        HeadraceError: the server cannot be reached, refuses, or gives nothing usable.
    """
    model = parse_model(entry)
    caller = OpenAiCompatibleCaller(lambda: _servers(key), PROBE_SECONDS)
    call: ChatCall | EmbedCall = EmbedCall(texts=("Hello",))
    if model.task == "chat":
        hello = Message(role="user", content=(TextPart(text="Say: hello"),))
        call = ChatCall(messages=(hello,), max_tokens=8)
    route = model.backend.route("", "global")
    assert route is not None, "a server is reached from anywhere"
    return caller.generate(model, route, call, CallContext("operator", "models-check"))


def own_queue(url: str) -> str:
    """Return the queue of a server: its address if that is private, as one machine has one."""
    parts = urlsplit(url)
    try:
        private = any(not is_public(a) for a in resolve(parts.hostname or "", parts.port or 443))
    except (OSError, ValueError):
        private = False
    return parts.netloc if private else ""


def _servers(key: str) -> OpenAiServers:
    return OpenAiServers(GivenKey(key), private_allowed=True)


def _require_valid(model: Entry) -> None:
    try:
        ModelEntry.model_validate(model)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AddedModelError(f"{place}: {first['msg']} (it is {first['input']!r})") from error


def _merged(added: AddedModels) -> StageModels:
    return merge_models(served_models(), catalogue().prices, added, shared_queues=False)
