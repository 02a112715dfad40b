"""The command `data check`, and the own data of `train`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.data.channel import OwnDataOptions, own_channel
from cli.data.locations import tenant_of
from cli.failures import ItemsFailedError, UsageError
from cli.models.train import parse_gates
from cli.options import StageOptions
from cli.output import Output
from models.training import recipe
from models.training_data.channel import read_manifest
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace
from tests.unit.cli.test_content import page
from tests.unit.models.training_data.test_bad_data import chats, labelled, lines, rows, sentence

PLACE = StageOptions(None, None, None, Path("none"))
TAKES_ROWS = recipe.load("vae").model_copy(update={"data_kind": "labelled_text"})
NO_DATA = OwnDataOptions(None, None, "", (), ())


def test_good_data_is_fit_to_train_on(headrace: Headrace, tmp_path: Path) -> None:
    ended = headrace("data", "check", str(chats()(tmp_path)))
    assert ended.code == 0
    assert "40 rows of the kind chat" in ended.out
    assert ended.out.endswith("Fit to train on.\n")


def test_bad_data_is_told_by_line_with_its_fix(headrace: Headrace, tmp_path: Path) -> None:
    ended = headrace("data", "check", str(chats("{broken")(tmp_path)))
    assert ended.code == 1
    assert "error broken_json (1): the line is no JSON object" in ended.out
    assert "    rows.jsonl:41: " in ended.out
    assert "  fix: mend the line" in ended.out
    assert ended.out.endswith("Not fit to train on: 1 error.\n")
    accepted = headrace("data", "check", str(tmp_path / "rows.jsonl"), "--accept", "broken_json")
    assert accepted.code == 0


def test_the_report_as_json(headrace: Headrace, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("body,stars\n" + "".join(f"{sentence(n)},{n % 2}\n" for n in range(50)))
    columns = ("--column", "text=body", "--column", "label=stars")
    ended = headrace("data", "check", str(path), *columns, "--json")
    assert ended.code == 0
    assert ended.json["kind"] == "labelled_text"
    assert ended.json["classes"] == {"0": 25, "1": 25}
    assert sum(ended.json["parts"].values()) == ended.json["rows"] == 50


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("none.jsonl",), "There is no file or folder none.jsonl"),
        (("cli", "--column", "text"), "--column is FIELD=COLUMN"),
        (("cli", "--accept", "few_rows"), "is no problem that can be accepted"),
    ],
)
def test_wrong_use(headrace: Headrace, given: tuple[str, ...], message: str) -> None:
    ended = headrace("data", "check", *given)
    assert ended.code == 2
    assert message in ended.err


def test_a_collection_is_read(headrace: Headrace, fake: FakeHeadrace) -> None:
    for number in range(12):
        name = f"doc_{number:02}"
        fake.documents[name] = {
            "document_id": name,
            "collection": "manuals",
            "path": f"{number}.md",
            "status": "ready",
            "pages": 1,
        }
        text = sentence(number)
        fake.shown[f"/v1/documents/{name}/pages/1"] = page(text, page=1, pages=1, end=len(text))
    ended = headrace("data", "check", "collection:manuals", "--json")
    assert ended.json["source"] == "collection:manuals"
    assert (ended.json["kind"], ended.json["rows"]) == ("text", 12)


def test_own_rows_become_a_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = OwnDataOptions(str(rows()(tmp_path)), None, "CC0-1.0", (), ())
    with own_channel(TAKES_ROWS, own, PLACE, Output()) as channel:
        assert channel is not None
        manifest = read_manifest(channel)
    assert (manifest.source, manifest.licence) == ("rows.jsonl", "CC0-1.0")
    assert sum(manifest.counts.values()) == 40
    assert not channel.exists()
    assert f"Data version {manifest.version[:12]}, CC0-1.0." in capsys.readouterr().err


def test_rows_that_are_wrong_stop_a_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(rows({"text": "a", "label": None})(tmp_path))
    own = OwnDataOptions(path, None, "CC0-1.0", (), ())
    with pytest.raises(ItemsFailedError), own_channel(TAKES_ROWS, own, PLACE, Output()):
        raise AssertionError
    assert "rows.jsonl:41: " in capsys.readouterr().err


def test_held_out_rows_and_columns_of_ones_own(tmp_path: Path) -> None:
    for name, numbers in (("train", range(40)), ("held", range(40, 80))):
        told = [{"body": labelled(n)["text"], "label": str(n % 3)} for n in numbers]
        (tmp_path / f"{name}.jsonl").write_text(lines(told))
    own = OwnDataOptions(
        str(tmp_path / "train.jsonl"), str(tmp_path / "held.jsonl"), "MIT", ("text=body",), ()
    )
    with own_channel(TAKES_ROWS, own, PLACE, Output()) as channel:
        assert channel is not None
        assert read_manifest(channel).counts["test"] == 40


@pytest.mark.parametrize(
    ("given", "takes_rows", "message"),
    [
        ({"evaluation": "x"}, True, "--eval says something of --data, which is missing"),
        ({"licence": "x"}, False, "--licence says something of --data"),
        ({"data": "cli", "columns": ("text=a",)}, False, "--column: vae takes files and no rows"),
        ({"data": "none"}, False, "vae takes a folder of files, and none is none"),
        ({"data": "none"}, True, "There is no file or folder none"),
    ],
)
def test_options_that_do_not_fit_the_recipe(
    given: dict[str, object], takes_rows: bool, message: str
) -> None:
    fields = {name: getattr(NO_DATA, name) for name in OwnDataOptions.__dataclass_fields__}
    own = OwnDataOptions(**{**fields, **given})
    taking = TAKES_ROWS if takes_rows else recipe.load("vae")
    with pytest.raises(UsageError, match=message), own_channel(taking, own, PLACE, Output()):
        raise AssertionError


def test_gates_that_a_user_asks_for() -> None:
    gates = parse_gates(["gain>=0.1", "loss<=2", "gain<= 1"])
    assert json.loads(gates["gain"].model_dump_json()) == {"least": 0.1, "most": 1.0}
    assert gates["loss"].most == 2
    with pytest.raises(UsageError, match="in quotes"):
        parse_gates(["gain=1"])


def test_rows_should_be_of_the_tenant_whose_data_is_named_and_of_no_two() -> None:
    output = Output()
    assert tenant_of("feedback:acme", PLACE, output) == "acme"
    assert tenant_of("s3://rows/chats.jsonl", PLACE, output) == ""
    found = recipe.load("text_embedder")
    own = OwnDataOptions("feedback:acme", "feedback:globex", "own data", (), ())
    with (
        pytest.raises(UsageError, match=r"of the tenants acme and globex"),
        own_channel(found, own, PLACE, output),
    ):
        pass
