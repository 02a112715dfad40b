"""Every template held to AWS's own checks, by linting the two that hold all there is in any.

A package has each function as it is, and a stage from snapshots has each kind of function that may
start from one. What other stages, options and architectures make differs from one of those by the
stage's name alone, which the second test holds.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.packaging.targets import TARGETS
from tests.architecture.ingest_definition import ROOT
from tests.architecture.templates import FROM_SNAPSHOTS, packaged, plain

CFN_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"
CLEAN = ROOT / "build" / "cfn-lint-found-nothing"
"""The hash of what was linted last, if nothing was found: a lint takes 14 seconds."""

Template = dict[str, Any]


def linted() -> list[Template]:
    """Return the templates that are linted."""
    return [packaged("arm64"), plain("prod", *FROM_SNAPSHOTS)]


def every_template() -> Iterator[tuple[str, Template]]:
    """Yield a template of each kind, with the name of its stage."""
    yield "dev", plain("dev")
    yield "prod", plain("prod")
    yield "prod", plain("prod", *FROM_SNAPSHOTS)
    for architecture in TARGETS:
        yield "prod", packaged(architecture)


def without_names(template: Template, stage: str) -> Template:
    """Return a template that names no stage, and no code, which packages keep elsewhere."""
    text = re.sub(rf"{stage}(?!uc)", "stage", json.dumps(template))
    # SAM names a deployment after what it deploys, where the stage's name is, too.
    text = re.sub(r"(RestAPIDeployment|deployment id: )[0-9a-f]+", r"\1", text)
    found: Template = json.loads(text)
    for resource in found["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            del resource["Properties"]["Code"]
    return found


def test_cfn_lint_should_find_nothing_in_what_is_linted(tmp_path: Path) -> None:
    """It looks at every way in which the conditions can hold, so all options are on there too."""
    files = []
    for number, template in enumerate(linted()):
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps(template))
    made_of = [importlib.metadata.version("cfn-lint"), *(file.read_text() for file in files)]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    if CLEAN.is_file() and CLEAN.read_text() == digest:
        return
    done = subprocess.run(
        [sys.executable, "-c", CFN_LINT, "--format", "parseable", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    CLEAN.parent.mkdir(exist_ok=True)
    CLEAN.write_text(digest)


def test_what_is_linted_should_hold_all_that_any_template_holds() -> None:
    held: dict[str, list[Any]] = {}
    for template in linted():
        bare = without_names(template, "prod")
        for section in ("Resources", "Outputs", "Conditions", "Parameters"):
            for name, content in bare[section].items():
                held.setdefault(f"{section}.{name}", []).append(content)
        held.setdefault("sections", []).append(sorted(template.keys()))
    for stage, template in every_template():
        bare = without_names(template, stage)
        assert sorted(template.keys()) in held["sections"]
        for section in ("Resources", "Outputs", "Conditions"):
            for name, content in bare[section].items():
                assert content in held[f"{section}.{name}"], (stage, section, name)


def test_parameters_should_differ_by_values_that_they_allow_alone() -> None:
    held: dict[str, list[Any]] = {}
    for template in linted():
        for name, parameter in template["Parameters"].items():
            held.setdefault(name, []).append({**parameter, "Default": None, "AllowedValues": None})
    for stage, template in every_template():
        for name, parameter in template["Parameters"].items():
            assert {**parameter, "Default": None, "AllowedValues": None} in held[name], (
                stage,
                name,
            )
            if "Default" in parameter and "AllowedValues" in parameter:
                assert parameter["Default"] in parameter["AllowedValues"], (stage, name)
