"""`headrace extract`, `extractors` and `reviews`: what is sent and printed, and how it exits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from chalicelib.extraction.exports import Cell
from cli.documents.results import DocumentResult
from cli.extraction.extract import ExtractionResults
from cli.extraction.files import extraction_body
from cli.extraction.parquet import TRAINING_PYTHON, check_parquet, write_parquet
from cli.extraction.reviews import read_edit
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.main import run
from cli.output import Output
from models.training_data.parquet import parquet_reader
from tests.unit.api.test_extraction_reviews import Office
from tests.unit.cli.api_server import serving_views
from tests.unit.cli.conftest import Ended
from tests.unit.functions.extract_fields.world import SCHEMA

Command = Callable[..., Ended]


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def command(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    def call(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(arguments)
        said = capsys.readouterr()
        printed = [line for line in said.out.splitlines(keepends=True) if '"level"' not in line]
        return Ended(code, "".join(printed), said.err)

    with serving_views(office.api) as url:
        monkeypatch.setenv("HEADRACE_ENDPOINT", url)
        monkeypatch.setenv("HEADRACE_API_KEY", "hr_key")
        yield call


def test_a_schema_should_be_a_file_or_a_saved_extractor(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    assert extraction_body(str(file)) == {"json_schema": SCHEMA}
    assert extraction_body("invoices@3") == {"extractor": "invoices", "version": 3}
    assert extraction_body("invoices") == {"extractor": "invoices"}
    file.write_text("[1]")
    for named, told in (
        (str(file), "not an object"),
        ("missing.json", "no file missing.json"),
        ("invoices@x", "invoices@3"),
    ):
        with pytest.raises(UsageError, match=told):
            extraction_body(named)


def test_an_edit_should_be_json_or_text_with_its_place() -> None:
    assert read_edit("/total=41.5") == {"pointer": "/total", "value": 41.5}
    assert read_edit("/mail=a@b.example")["value"] == "a@b.example"
    assert read_edit("/number=null")["value"] is None
    assert read_edit("/total=1e999")["value"] == "1e999"
    placed = read_edit("/number=A-17@2:5-9")
    assert placed["value"] == "A-17"
    assert placed["evidence"] == [{"page": 2, "start": 5, "end": 9}]
    with pytest.raises(UsageError, match="POINTER=VALUE"):
        read_edit("total=1")


def extraction(path: str, **fields: Any) -> dict[str, Any]:
    values = {"number": path, "lines": [{"sum": 1}, {"sum": 2}]}
    return {"path": path, "status": "complete", "values": values, "error": None, **fields}


def test_what_failed_or_is_partial_should_be_told_and_decide_the_exit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output()
    results = ExtractionResults([extraction("a.pdf")])
    results.check(output, allow_partial=False)
    assert json.loads(results.json())["path"] == "a.pdf"
    assert results.table().splitlines() == [
        "document,number,lines.sum",
        "a.pdf,a.pdf,1",
        "a.pdf,a.pdf,2",
    ]
    results.documents.append(extraction("b.pdf", status="partial", reasons=["2 rows of 3"]))
    assert [each["path"] for each in json.loads(results.json())] == ["a.pdf", "b.pdf"]
    results.check(output, allow_partial=True)
    with pytest.raises(ItemsFailedError):
        results.check(output, allow_partial=False)
    results.add_uploads([DocumentResult("c.zip", "rejected", reason="It is damaged.")])
    with pytest.raises(ItemsFailedError):
        results.check(output, allow_partial=True)
    told = capsys.readouterr().err
    assert "2 rows of 3" in told
    assert "c.zip: rejected: It is damaged." in told


def test_a_document_of_a_job_should_keep_its_path_and_every_character() -> None:
    results = ExtractionResults()
    results.add_uploads([DocumentResult("a.pdf", "ready", document_id="doc_a")])
    odd = json.dumps(extraction("b.pdf", document_id="doc_b", values={"document": "x\u2028y"}))
    error = {"type": "NotFound", "message": "x"}
    failed = json.dumps({"document_id": "doc_a", "path": "", "error": error, "values": None})
    with io.StringIO(f"{odd}\n{failed}\n", newline="\n") as lines:
        results.add_lines(map(json.loads, lines))
    assert [each["path"] for each in results.failures] == ["a.pdf"]
    assert results.table() == "document_,document\r\nb.pdf,x\u2028y\r\n"


def test_values_that_were_read_without_a_model_should_be_kept_and_its_error_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = ExtractionResults()
    error = {"type": "Throttled", "message": "The model is busy."}
    results.add_lines([extraction("a.pdf", status="needs_review", error=error)])
    assert "a.pdf,a.pdf,1" in results.table()
    with pytest.raises(ItemsFailedError):
        results.check(Output(), allow_partial=True)
    assert "a.pdf: Throttled: The model is busy." in capsys.readouterr().err


def test_what_cannot_be_done_should_be_refused_before_files_are_uploaded(
    office: Office, command: Command, tmp_path: Path
) -> None:
    file, schema = tmp_path / "a.txt", tmp_path / "schema.json"
    file.write_text("Total: 41.50")
    none = {"type": "integer", "minimum": 5, "maximum": 3}
    schema.write_text(json.dumps({"type": "object", "properties": {"a": none}}))
    before = sum(map(len, office.world.documents.stored.values()))
    out = ("--out", str(tmp_path / "missing" / "x.csv"))
    for arguments, code, told in (
        ((str(schema),), 2, "schema/properties/a/minimum"),
        (("invoices@9",), 1, "no extractor invoices"),
        (("invoices", *out), 2, "no folder"),
    ):
        ended = command("extract", *arguments, str(file))
        assert (ended.code, told in ended.err) == (code, True), ended.err
    assert sum(map(len, office.world.documents.stored.values())) == before
    assert "no folder" in command("reviews", "rows", *out).err


def test_extractors_should_be_saved_listed_and_removed(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    assert "invoices@1 is saved" in command("extractors", "put", "invoices", str(file)).out
    file.write_text(json.dumps({"type": "object", "properties": {"total": {"type": "number"}}}))
    named = ("--model", "auto", "--quality", "2", "--budget", "none")
    assert "invoices@2 is saved" in command("extractors", "put", "invoices", str(file), *named).out
    model = {"model": "auto", "quality": 2, "budget": None}
    assert command("extractors", "show", "invoices").json["model"] == model
    assert "give --model" in command("extract", "invoices", "--budget", "1").err
    assert "invoices" in command("extractors", "ls").out
    shown = command("extractors", "show", "invoices", "--version", "1")
    assert shown.json["json_schema"] == SCHEMA
    none = command("extractors", "calibrate", "invoices")
    assert (none.code, "0 reviewed documents have 0 fields" in none.out) == (1, True)
    assert "No labels: No document is reviewed." in none.out
    assert command("extractors", "calibrate", "invoices", "--show").code == 1
    assert command("extractors", "calibrate", "invoices", "--show", "--reset").code == 2
    assert command("extractors", "rm", "invoices").code == 0
    assert command("extractors", "rm", "invoices").code == 1


def test_a_doubtful_extraction_should_be_claimed_edited_and_approved(
    office: Office, command: Command, tmp_path: Path
) -> None:
    one = office.extraction_id
    assert one in command("reviews", "ls").out
    claim = command("reviews", "next", "--reviewer", "ann", "--json").json
    named = ("--claim", claim["claim_id"], "--reviewer", "ann")
    assert "Nothing waits" in command("reviews", "next", "--reviewer", "bob").out
    edited = command("reviews", "edit", one, "/total=7@1:20-25", *named)
    assert "1 edits, 0 of 1 approvals" in edited.out
    assert "is reviewed" in command("reviews", "approve", one, *named).out
    assert command("reviews", "show", one).json["review"]["edits"][0]["before"] == 41.5
    out = tmp_path / "rows.jsonl"
    assert command("reviews", "rows", "--out", str(out)).code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["pointer"]: row["correct"] for row in rows}["/total"] is False
    assert command("reviews", "reject", one, "--reason", "x", *named).code == 1


def test_a_table_should_be_parquet_with_a_type_for_each_column(tmp_path: Path) -> None:
    read = parquet_reader(TRAINING_PYTHON)
    if read is None:
        pytest.skip("pyarrow is neither here nor in the training environment")
    file = tmp_path / "rows.parquet"
    rows: list[dict[str, Cell]] = [
        {"document": "a.pdf", "paid": True, "total": 41, "odd": 1, "none": None, "long": 2**70},
        {"document": "b.pdf", "paid": False, "total": 41.5, "odd": "x"},
    ]
    write_parquet(rows, file)
    assert list(read(file)) == [
        {
            "document": "a.pdf",
            "paid": True,
            "total": 41.0,
            "odd": "1",
            "none": None,
            "long": str(2**70),
        },
        {
            "document": "b.pdf",
            "paid": False,
            "total": 41.5,
            "odd": "x",
            "none": None,
            "long": None,
        },
    ]
    with pytest.raises(CommandError, match="could not be written"):
        write_parquet(rows, tmp_path / "none" / "rows.parquet")
    if find_spec("pyarrow") is None:
        with pytest.raises(UsageError, match="make training"):
            check_parquet(tmp_path / "python")
