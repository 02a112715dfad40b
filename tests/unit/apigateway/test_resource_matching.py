"""How a path finds its resource."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.apigateway.rest_api import match_resource

_RESOURCES = (
    "/",
    "/v1/documents",
    "/v1/documents/{id}",
    "/v1/documents/new",
    "/v1/{kind}/new",
    "/files/{path+}",
    "/files/{name}/meta",
)


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/v1/documents", "/v1/documents", {}),
        ("/v1/documents/", "/v1/documents", {}),
        ("/v1/documents/7", "/v1/documents/{id}", {"id": "7"}),
        ("/v1/documents/new", "/v1/documents/new", {}),
        ("/v1/other/new", "/v1/{kind}/new", {"kind": "other"}),
        ("/v1/documents/a%2Fb", "/v1/documents/{id}", {"id": "a%2Fb"}),
        ("/files/a/b/c", "/files/{path+}", {"path": "a/b/c"}),
        ("/files/a/meta", "/files/{name}/meta", {"name": "a"}),
    ],
)
def test_the_most_literal_resource_wins(
    path: str, resource: str, parameters: dict[str, str]
) -> None:
    found = match_resource(_RESOURCES, path)
    assert found is not None
    assert (found.resource, dict(found.parameters)) == (resource, parameters)


@pytest.mark.parametrize("path", ["/v1", "/v2/documents", "/v1/documents/7/8", "/files", "//"])
def test_a_path_that_no_resource_has_matches_nothing(path: str) -> None:
    assert match_resource(_RESOURCES, path) is None


@given(st.text(min_size=1))
def test_any_quoted_segment_comes_through_as_it_was(text: str) -> None:
    segment = quote(text, safe="")
    found = match_resource(("/things/{id}",), f"/things/{segment}")
    assert found is not None
    assert found.parameters == {"id": segment}
