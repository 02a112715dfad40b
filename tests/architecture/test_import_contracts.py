"""Import contracts reach every production module: nobody has to remember to list a new one."""

from __future__ import annotations

import configparser
import fnmatch
from collections.abc import Iterator, Mapping

import pytest

from tests.architecture.ingest_definition import ROOT

PREFIX = "importlinter:contract:"
EXTERNAL = {"boto3", "botocore", "chalice", "onnxruntime", "torch", "jinja2"}
NOT_PRODUCTION = {"benchmarks", "tests"}


def parsed() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


CONFIG = parsed()
ROOTS = CONFIG["importlinter"]["root_packages"].split()
CONTRACTS: Mapping[str, configparser.SectionProxy] = {
    name.removeprefix(PREFIX): CONFIG[name] for name in CONFIG.sections() if name.startswith(PREFIX)
}


def modules() -> Iterator[str]:
    for root in ROOTS:
        for file in (ROOT / root).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(modules())


def within(module: str, packages: list[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(module, package) or fnmatch.fnmatchcase(module, f"{package}.*")
        for package in packages
    )


def named_layers(contract: configparser.SectionProxy) -> list[str]:
    layers = contract["layers"].replace("|", " ").replace(":", " ").split()
    containers = contract.get("containers", "").split()
    return [f"{each}.{layer}" for each in containers for layer in layers] or layers


def is_held(module: str, contract: configparser.SectionProxy) -> bool:
    """Tell whether the contract says something about what `module` may import."""
    match contract["type"]:
        case "layers":
            return within(module, named_layers(contract))
        case "forbidden":
            return within(module, contract["source_modules"].split())
        case "independence":
            return within(module, contract["modules"].split())
        case "protected":
            allowed = contract["allowed_importers"].split()
            return not within(module, [*allowed, *contract["protected_modules"].split()])
    raise AssertionError(f"a contract of an unknown type: {contract['type']}")


def test_every_package_of_production_is_looked_at() -> None:
    packages = {file.parent.name for file in ROOT.glob("*/*.py")} - NOT_PRODUCTION
    assert packages == set(ROOTS)


def test_every_module_is_held_by_a_contract() -> None:
    inits = {"chalicelib", *ROOTS}
    held = {module for module in MODULES for each in CONTRACTS.values() if is_held(module, each)}
    assert set(MODULES) - held - inits == set()


@pytest.mark.parametrize("package", sorted(EXTERNAL))
def test_a_library_of_few_names_those_who_may_import_it(package: str) -> None:
    (contract,) = [
        each for each in CONTRACTS.values() if package in each.get("protected_modules", "").split()
    ]
    for importer in contract["allowed_importers"].split():
        assert any(within(module, [importer]) for module in MODULES), importer


def test_every_module_of_chalicelib_has_a_layer() -> None:
    contract = CONTRACTS["downhill"]
    assert contract["exhaustive"] == "True"
    layers = named_layers(contract)
    loose = [
        module
        for module in MODULES
        if module.startswith("chalicelib.") and not within(module, layers)
    ]
    assert loose == []


def test_chalicelib_has_packages_and_three_modules_of_its_own() -> None:
    loose = {file.stem for file in (ROOT / "chalicelib").glob("*.py")} - {"__init__"}
    assert loose == {"errors", "observability", "settings"}
