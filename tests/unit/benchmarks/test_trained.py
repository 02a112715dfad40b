from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import trained
from benchmarks.__main__ import main
from chalicelib.contracts.model_manifest import FILE


def left(folder: Path, *recipes: str) -> None:
    for name in recipes:
        model = folder / name / "0" / "finish" / "model"
        model.mkdir(parents=True)
        (model / FILE).write_text("{}")


def test_models_should_be_found_where_all_were_trained(tmp_path: Path) -> None:
    left(tmp_path, "vae", "gan")
    found = trained.found(tmp_path, ["gan", "vae"])
    assert list(found) == ["gan", "vae"]
    assert found["vae"] == tmp_path / "vae" / "0" / "finish" / "model"


def test_a_model_that_is_missing_should_be_told_with_what_trains_it(tmp_path: Path) -> None:
    left(tmp_path, "vae")
    with pytest.raises(
        trained.NotTrained, match=r"no model of gan, clip\. make train-all"
    ) as missing:
        trained.found(tmp_path, ["gan", "vae", "clip"])
    assert f"models.train_all gan clip --seeds 1 --into {tmp_path}" in str(missing.value)


def test_a_benchmark_of_models_that_are_not_there_should_end_with_what_trains_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["diffusion_steps", "--trained", str(tmp_path)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"{tmp_path} has no model of diffusion, diffusion_distilled" in said
    assert "make train-all" in said


@pytest.mark.skipif(not trained.INTERPRETER.is_file(), reason="make training makes what it needs")
def test_what_a_module_says_when_it_fails_should_be_told() -> None:
    with pytest.raises(RuntimeError, match=r"nothing_of_the_kind failed: .*No module named"):
        trained.run("benchmarks.nothing_of_the_kind")
