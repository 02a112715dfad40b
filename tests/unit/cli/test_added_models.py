"""`headrace models add`, `check` and `remove`, on records and secrets in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.main import run
from infra import stages
from infra.stages import StageConnection
from tests.model_server import ModelServer, Scene, completion, model_server

OUTPUTS = {"RecordsTableName": "records", "ModelKeysPrefix": "headrace/test/models/"}


class ExistsError(ClientError):
    """What Secrets Manager raises for a name that is taken."""


class MissingError(ClientError):
    """What it raises for one that is not there."""


class Exceptions:
    ResourceExistsException = ExistsError
    ResourceNotFoundException = MissingError


@dataclass
class Services:
    """The table and the secrets of a stage in memory."""

    items: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    exceptions: type = Exceptions

    def get_item(self, **params: Any) -> dict[str, Any]:
        found = self.items.get(params["Key"]["sk"]["S"])
        return {} if found is None else {"Item": found}

    def put_item(self, **params: Any) -> None:
        self.items[params["Item"]["sk"]["S"]] = params["Item"]

    def create_secret(self, **params: Any) -> None:
        if params["Name"] in self.secrets:
            raise ExistsError({"Error": {"Code": "ResourceExistsException"}}, "CreateSecret")
        self.secrets[params["Name"]] = params["SecretString"]

    def put_secret_value(self, **params: Any) -> None:
        self.secrets[params["SecretId"]] = params["SecretString"]

    def get_secret_value(self, **params: Any) -> dict[str, Any]:
        return {"SecretString": self.secrets[params["SecretId"]]}

    def delete_secret(self, **params: Any) -> None:
        del self.secrets[params["SecretId"]]

    def entry(self) -> dict[str, Any]:
        """Return the one added entry."""
        (model,) = json.loads(self.items["ADDED"]["models"]["S"])["models"]
        found: dict[str, Any] = model
        return found


@pytest.fixture
def targets() -> str:
    return "any"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, targets: str, tmp_path: Path) -> Services:
    services = Services()
    place = StageConnection(lambda service: services, {**OUTPUTS, "ModelTargets": targets})
    monkeypatch.setattr(stages, "connect", lambda *options: place)
    monkeypatch.setenv("HEADRACE_DATA_DIR", str(tmp_path))
    return services


def scene(body: dict[str, Any]) -> Scene:
    listed = {"data": [{"id": "tiny:1b"}]}
    return Scene(body=completion("hello") if body else listed)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server(choose=scene) as running:
        yield running


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def models(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: str) -> Ended:
        code = run(("models", *arguments))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return call


def add(models: Any, server: ModelServer, *more: str) -> Ended:
    ended: Ended = models("add", "tiny", "--openai", server.url, *more)
    return ended


def test_a_model_should_be_added_tried_listed_checked_and_removed(
    stage: Services, server: ModelServer, models: Any
) -> None:
    ended = add(models, server, "--input-price", "0.15", "--output-price", "0.6", "--terms", "MIT")
    assert ended.code == 0, ended.err
    assert "It answered from here" in ended.out
    entry = stage.entry()
    host = server.url.removeprefix("http://").removesuffix("/v1")
    assert (entry["backend"]["model_id"], entry["licence"], entry["queue"]) == (
        "tiny:1b",
        "MIT",
        host,
    )
    assert entry["limits"] == {
        "context_tokens": 8_192,
        "output_tokens": 4_096,
        "passage_tokens": 4_000,
    }
    row = next(
        line
        for line in models("ls", "--served", "--stage", "x").out.splitlines()
        if line.startswith("tiny")
    )
    assert row.split() == [
        "tiny",
        "chat",
        "2",
        "active",
        "8192",
        "0.15",
        "0.6",
        "-",
        "-",
        "tiny:1b",
    ]
    assert server.url in models("show", "tiny", "--stage", "x").out
    checked = models("check", "tiny")
    assert (checked.code, "answers" in checked.out) == (0, True)
    assert models("remove", "tiny").code == 0
    gone = models("remove", "tiny")
    assert (gone.code, "No model was added as 'tiny'; added: none." in gone.err) == (1, True)


def test_a_key_should_be_kept_for_the_same_server_alone(
    stage: Services, server: ModelServer, models: Any, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("sk-one\n")
    assert add(models, server, "--key-file", str(key)).code == 0
    assert stage.secrets == {"headrace/test/models/tiny": "sk-one"}
    assert server.keys == ["Bearer sk-one"]
    assert add(models, server, "--replace", "--tier", "3").code == 0
    assert server.keys[-1] == "Bearer sk-one"
    assert stage.entry()["backend"]["secret"] == "headrace/test/models/tiny"
    with model_server(choose=scene) as other:
        assert add(models, other, "--replace").code == 0
        assert other.keys == [""], "another server is not sent the key"
    assert stage.secrets == {}


@pytest.mark.usefixtures("stage")
def test_a_key_that_others_may_read_should_be_refused(
    server: ModelServer, models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text("sk-one")
    key.chmod(0o640)
    ended = add(models, server, "--key-file", str(key))
    assert ended.code == 2
    assert f"has mode 640, so that others may read the key: chmod 600 {key}" in ended.err
    monkeypatch.setenv("EMPTY", " ")
    for options, says in (
        (("--key-env", "NONE_SUCH"), "NONE_SUCH is not set"),
        (("--key-env", "EMPTY"), "holds no key"),
        (("--key-env", "EMPTY", "--key-file", str(key)), "not both"),
    ):
        ended = add(models, server, *options)
        assert (ended.code, says in ended.err) == (2, True), ended.err
    assert server.asked == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--input-price", "-1"), "dollars for 1,000,000 tokens"),
        (("--input-price", "1"), "Give both --input-price and --output-price"),
        (("--context", "10"), "--context"),
    ],
)
def test_wrong_options_should_be_refused(
    stage: Services, server: ModelServer, models: Any, options: tuple[str, ...], says: str
) -> None:
    ended = add(models, server, *options)
    assert (ended.code, says in ended.err) == (2, True), ended.err
    assert stage.items == {}


def test_a_name_that_is_taken_should_be_refused(
    stage: Services, server: ModelServer, models: Any
) -> None:
    unnamed = models("add", "a/b", "--openai", server.url)
    assert (unnamed.code, "is no name of a model" in unnamed.err) == (1, True)
    taken = models("add", "nova-micro", "--openai", server.url)
    assert (taken.code, "is the name of a model of the catalogue" in taken.err) == (1, True)
    assert add(models, server).code == 0
    again = add(models, server)
    assert (again.code, "--replace gives it another entry" in again.err) == (1, True)


@pytest.mark.parametrize(
    ("listed", "says"),
    [([], "lists none"), ([{"id": "a"}, {"id": "b"}], "lists 2: a, b")],
)
def test_which_model_is_meant_should_be_asked_where_a_server_has_many(
    stage: Services, models: Any, listed: list[dict[str, str]], says: str
) -> None:
    with model_server(Scene(body={"data": listed})) as server:
        ended = add(models, server)
    assert (ended.code, says in ended.err) == (2, True), ended.err


def test_a_server_that_fails_should_not_be_added(stage: Services, models: Any) -> None:
    with model_server(Scene(503, {"error": "loading"})) as server:
        ended = add(models, server, "--model", "tiny:1b")
        assert (ended.code, "failed (503)" in ended.err) == (1, True), ended.err
        assert stage.items == {}
        assert add(models, server, "--model", "tiny:1b", "--no-check").code == 0
        checked = models("check", "tiny")
    assert (checked.code, "loading" in checked.out) == (1, True)


@pytest.mark.parametrize("targets", ["public"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "https://127.0.0.1/v1"])
@pytest.mark.usefixtures("stage")
def test_a_stage_of_public_targets_should_refuse_others(models: Any, url: str) -> None:
    ended = models("add", "tiny", "--openai", url)
    assert (ended.code, "ModelTargets" in ended.err) == (1, True), ended.err
