"""Files of the console: complete, small, as their packages have them, and kept to by a policy."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

from chalicelib.console import assets

FOLDER = Path(assets.__file__).parent
MOST_COMPRESSED = 150_000
SHA256 = {
    "preact.mjs": "bdcbd9abdf2c77c5c45326eab42191e949222d479d0d5f69467387a77040cb55",
    "hooks.mjs": "e862ab2973aa6455eaa0f77c5d832d2157d6be59a17c8ba546550a575b58c6b4",
    "htm.mjs": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
}
"""Of the files as the packages on the npm registry have them."""
_IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["']\./([\w.-]+)["']""")


def test_should_send_every_file_of_the_folder_and_no_other() -> None:
    there = {each.name for each in FOLDER.iterdir() if each.suffix not in (".py", "")}
    assert there == {"index.html", *assets.VENDORED, *assets.OWN}


def test_should_send_files_of_others_as_their_packages_have_them() -> None:
    found = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in SHA256}
    assert found == SHA256
    assert set(SHA256) == set(assets.VENDORED)


def test_should_be_small_in_all() -> None:
    files = [assets.page(), *(each.text for each in assets.assets().values())]
    sizes = [len(gzip.compress(text.encode(), mtime=0)) for text in files]
    assert sum(sizes) <= MOST_COMPRESSED


def test_should_import_only_files_that_are_there() -> None:
    for name in assets.OWN:
        if name.endswith(".js"):
            imported = set(_IMPORT.findall(assets.assets()[name].text))
            assert imported <= set(assets.assets()), name


def test_should_name_one_version_wherever_the_page_loads_a_file() -> None:
    page = assets.page()
    assert "{{" not in page
    loaded = re.findall(r"console/([0-9a-f]+)/([\w.-]+)", page)
    assert {version for version, _ in loaded} == {assets.version()}
    assert {name for _, name in loaded} <= set(assets.assets())


def test_should_run_no_script_of_a_page_but_its_own_files() -> None:
    policy = assets.content_security_policy("https://bucket.s3.us-east-1.amazonaws.com")
    rules = dict(each.split(" ", 1) for each in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert "*" not in policy
    assert rules["connect-src"] == "'self' https://bucket.s3.us-east-1.amazonaws.com"
    page = assets.page()
    assert "style=" not in page
    assert not re.search(r"\son\w+=", page)
    assert page.count("<script") == 2, "the import map and the module"
