"""The table of resources: every module of views is in it, and every route results from it."""

from __future__ import annotations

import inspect
import pkgutil
from collections import Counter
from importlib import import_module
from types import ModuleType

import pytest
from chalice.app import Blueprint, Chalice

import app
import chalicelib.api
from chalicelib.api.resources import RESOURCES, ApiResource, resource_at

MODULES = {
    found.name.removeprefix("chalicelib.api."): import_module(found.name)
    for found in pkgutil.walk_packages(chalicelib.api.__path__, "chalicelib.api.")
}


def made_here(module: ModuleType) -> set[str]:
    return {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
    }


def test_should_list_every_module_that_registers_routes_once() -> None:
    with_views = {name for name, module in MODULES.items() if "routes" in made_here(module)}
    with_blueprint = {
        name
        for name, module in MODULES.items()
        if "Blueprint(__name__)" in inspect.getsource(module)
    }
    listed = [resource.module for resource in RESOURCES]
    assert len(listed) == len(set(listed))
    assert set(listed) == with_views == with_blueprint


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.module)
def test_should_build_the_services_that_the_views_take(resource: ApiResource) -> None:
    module = MODULES[resource.module]
    assert {"build_services", "routes"} <= made_here(module)
    built = inspect.signature(module.build_services).return_annotation
    taken = inspect.signature(module.routes).parameters["services"].annotation
    assert taken == f"Callable[[], {built}]"


def test_should_give_no_path_and_no_operation_to_two_resources() -> None:
    paths = Counter(path for resource in RESOURCES for path in resource.paths)
    operations = Counter(each for resource in RESOURCES for each in resource.operations)
    assert {*paths.values(), *operations.values()} == {1}


def test_should_answer_every_route_of_the_app_by_the_module_that_the_table_names() -> None:
    routed = {
        (method, path): entry.view_function.__module__
        for path, methods in app.app.routes.items()
        for method, entry in methods.items()
    }
    named = {}
    for method, path in routed:
        resource = resource_at(method, path)
        assert resource is not None, (method, path)
        named[method, path] = f"chalicelib.api.{resource.module}"
    assert named == routed
    assert {f"chalicelib.api.{each.module}" for each in RESOURCES} == set(routed.values())


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.module)
def test_should_name_only_paths_and_operations_that_the_module_has(resource: ApiResource) -> None:
    chalice = Chalice("headrace")
    blueprint: Blueprint = resource.load().routes(lambda: None, app.authorizer)
    chalice.register_blueprint(blueprint)
    for path in resource.paths:
        assert any(f"{route}/".startswith(f"{path}/") for route in chalice.routes), path
    for method, path in resource.operations:
        assert method in chalice.routes[path]


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v2/documents", "/v1/document"])
def test_should_find_no_resource_at_another_path(path: str) -> None:
    assert resource_at("GET", path) is None
