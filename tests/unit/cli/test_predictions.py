"""Predictions in files: what is read, and how what is wrong is named."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.evaluation.predictions import PredictionColumns, read_predictions
from cli.failures import UsageError
from cli.main import run


def test_csv_and_json_lines_should_be_read_alike(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(
        "\N{ZERO WIDTH NO-BREAK SPACE}group,label,prediction\na,1,yes\nb,0,FALSE\n"
    )
    (tmp_path / "p.jsonl").write_text(
        '{"group": "a", "label": true, "prediction": 1}\n\n'
        '{"group": "b", "label": false, "prediction": 0}\n'
    )
    one, other = (
        read_predictions(tmp_path / name, PredictionColumns()) for name in ("p.csv", "p.jsonl")
    )
    assert one == other
    assert (one.groups, one.labels, one.predictions) == (["a", "b"], [1, 0], [1, 0])
    assert (one.scores, one.queries) == (None, None)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.csv", "", "has no rows"),
        ("p.csv", "a,b\n1,2\n", "has no column 'group'; it has a, b"),
        ("p.csv", "group,label\na,maybe\n", "row 1, label is 'maybe', and neither 1 nor 0"),
        ("p.csv", "group,label\na,1\n,1\n", "row 2, group is empty"),
        ("p.csv", "group,label\na,1\na\n", "row 2, label is empty"),
        ("p.csv", "group,score\na,high\n", "row 1, score is 'high', which is no number"),
        ("p.jsonl", "[1]\n", "line 1 is no JSON object"),
        ("p.jsonl", "{\n", "line 1 is no JSON"),
    ],
)
def test_what_is_wrong_should_be_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_predictions(tmp_path / name, PredictionColumns())


def test_a_file_of_other_bytes_should_be_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b"group\n\xff\n")
    with pytest.raises(UsageError, match="no text in UTF-8"):
        read_predictions(tmp_path / "p.csv", PredictionColumns())


@pytest.mark.parametrize("gate", ["tpr_gap", "tpr_gap=2", "tpr=0.1", "impact_ratio=nan"])
def test_a_gate_that_is_none_should_be_refused(
    tmp_path: Path, gate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.csv").write_text("group,prediction\na,1\nb,1\n")
    assert run(("evaluate", "bias", str(tmp_path / "p.csv"), "--gate", gate)) == 2
    assert f"--gate {gate} is no NAME=BOUND" in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.skipif(find_spec("fairlearn") is not None, reason="fairlearn is installed here")
def test_should_say_what_to_install(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.csv").write_text("group,prediction\na,1\nb,1\n")
    assert run(("evaluate", "bias", str(tmp_path / "p.csv"))) == 2
    assert "pip install -r requirements/bias.txt" in capsys.readouterr().err.replace("\n", " ")
