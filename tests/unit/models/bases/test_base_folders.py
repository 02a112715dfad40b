"""References to bases, folders of a user's own, and licences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.bases.folder import read_base
from models.pull.base_folders import adopt_folder
from models.pull.base_references import BaseReference, NoBase, parse_reference
from models.pull.licences import require_accepted
from models.rehearse import named_bases


def folder_of(at: Path, **files: str) -> Path:
    """Make a folder with a config, weights and what else is given; `__` stands for a dot."""
    at.mkdir()
    there = {"config__json": '{"model_type": "bert"}', "model__safetensors": "w", **files}
    for name, content in there.items():
        (at / name.replace("__", ".")).write_text(content)
    return at


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("minilm-l6-v2", BaseReference("shipped", "minilm-l6-v2")),
        ("hf:own/er-1.5", BaseReference("hub", "own/er-1.5")),
        ("hf:own/er@refs/pr/3", BaseReference("hub", "own/er", "refs/pr/3")),
        ("s3://b/a/base", BaseReference("s3", "s3://b/a/base/")),
        ("./base", BaseReference("folder", "./base")),
        ("headrace-dev-chat/3", BaseReference("registered", "headrace-dev-chat/3")),
        ("arn:aws:sagemaker:r:1:model-package/g/1",) * 2,
    ],
)
def test_a_reference_should_be_read_as_it_is_written(
    text: str, wanted: BaseReference | str
) -> None:
    found = parse_reference(text)
    assert found == (BaseReference("registered", wanted) if isinstance(wanted, str) else wanted)
    assert str(found).rstrip("/") == text


@pytest.mark.parametrize("text", ["hf:er", "hf:own/er@", "hf:a/b/c", "s3://b", "s3:/b/a"])
def test_a_malformed_reference_should_say_the_form(text: str) -> None:
    with pytest.raises(NoBase, match=r"write (hf:OWNER/NAME|s3://BUCKET/PREFIX/)"):
        parse_reference(text)


def test_a_folder_should_be_taken_as_it_is_and_left_alone(tmp_path: Path) -> None:
    own = folder_of(tmp_path / "own", README__md="---\nlicense: mit\n---\n", notes__py="run()")
    made = adopt_folder(own, tmp_path / "bases")
    base = read_base(made)
    assert (base.record.name, base.record.licence, base.model_type) == ("own", "mit", "bert")
    assert set(base.record.files) == {"config.json", "model.safetensors"}
    assert not (own / "base.json").exists()
    assert adopt_folder(made, tmp_path / "bases") == made
    inode = (made / "base.json").stat().st_ino
    assert adopt_folder(own, tmp_path / "bases") == made
    assert (made / "base.json").stat().st_ino == inode, "an unchanged folder was made again"
    (own / "model.safetensors").write_text("other weights")
    changed = read_base(adopt_folder(own, tmp_path / "bases"))
    assert changed.record.files["model.safetensors"].bytes == len("other weights")
    assert named_bases([str(made), f"policy={own}"]) == ({"policy": own}, str(made))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "own names no licence"),
        ({"README__md": "---\nlicense:\nlanguage: en\n---\n"}, "own names no licence"),
        ({"README__md": "---\nlicense:\n- gemma\n---\n"}, "'gemma', which sets terms"),
        ({"README__md": "---\nlicense: llama3.2\n---\n"}, "'llama3.2', which sets terms"),
        ({"config__json": "{"}, "config.json cannot be read"),
        ({"config__json": '{"model_type": "rwkv", "auto_map": {}}'}, "code of its own"),
        (
            {"config__json": '{"model_type": "llama", "quantization_config": {}}'},
            "quantised weights",
        ),
    ],
)
def test_a_folder_that_cannot_be_a_base_should_say_why(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    own = folder_of(tmp_path / "own", **files)
    accepted = frozenset(["unknown"] if "config__json" in files else [])
    with pytest.raises(NoBase, match=said):
        adopt_folder(own, tmp_path / "bases", accepted)


def test_pickles_and_missing_shards_should_be_refused(tmp_path: Path) -> None:
    own = folder_of(tmp_path / "own", pytorch_model__bin="w")
    (own / "model.safetensors").unlink()
    with pytest.raises(NoBase, match=r"no weights as safetensors\. It has pytorch_model\.bin"):
        adopt_folder(own, tmp_path / "bases")
    index = {"weight_map": {"a": "model-00001-of-00001.safetensors"}}
    (own / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(NoBase, match=r"lacks model-00001-of-00001\.safetensors"):
        adopt_folder(own, tmp_path / "bases", frozenset(["unknown"]))
    with pytest.raises(NoBase, match="There is no folder"):
        adopt_folder(tmp_path / "none", tmp_path / "bases")


def test_only_licences_with_terms_of_their_own_should_be_asked_for() -> None:
    assert not require_accepted("it", "Apache-2.0", frozenset())
    assert require_accepted("it", "gemma", frozenset(["Gemma"]))
    with pytest.raises(NoBase, match=r"Read it at https://x/y\. .*--accept-licence own-1"):
        require_accepted("it", "own-1", frozenset(), "https://x/y")
