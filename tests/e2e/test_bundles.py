"""Each function from its own bundle, in a Python that has nothing but Lambda's runtime client."""

from __future__ import annotations

import inspect
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from chalicelib import errors
from infra.packaging import emulation
from infra.packaging.emulation import NOT_REACHED, STREAMING, WITHOUT_SERVICES
from infra.packaging.manifest import Manifest
from infra.packaging.targets import find_interpreter
from tests.cloud import CloudProcess
from tests.data.formats import make_pdfs, make_pictures
from tests.e2e.driving import api_of, settled, upload
from tests.samples import samples
from tests.soak import often

RECORDING = Path(__file__).parents[2] / "examples" / "recordings" / "shift-handover.mp3"
PICTURES = Path(__file__).parents[1] / "data" / "pictures"
OURS = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
ONLY_WITH_TRAINING = {"improve_model"}
"""Functions that a stage has only where it trains, which this cloud does not."""
SAMPLES = {
    name: sample for name, sample in samples().items() if name not in STREAMING | ONLY_WITH_TRAINING
}
"""An event of each function that is invoked with one. Those of `STREAMING` answer HTTP requests:
`test_streaming.py` and `clients` stream from their bundles.
"""
TRIED = sorted(SAMPLES)[:: often(1, 3)]
"""Outside a soak one in three: other end-to-end tests call every function from its bundle, too."""


@pytest.fixture(autouse=True)
def on_bundles(cloud_options: tuple[str, ...]) -> None:
    """Skip where the end-to-end tests run on the source tree."""
    if not cloud_options:
        pytest.skip("there is no Python 3.13 that could make and run bundles")


def invoked(cloud: CloudProcess, room: str, payload: bytes) -> dict[str, Any]:
    name = f"headrace-local-{room.replace('_', '-')}"
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=payload)
    found: dict[str, Any] = json.loads(answer["Payload"].read() or b"{}")
    return found


@pytest.mark.timeout(240)
def test_every_bundle_should_answer_its_sample_or_say_what_is_missing(
    tmp_path: Path, cloud_options: tuple[str, ...]
) -> None:
    """On a cloud without documents: the samples' are not there, and our own code says so.

    It is a cloud of its own, for nobody judges what roles are refused there.
    """
    wrong = {}
    cloud = CloudProcess(tmp_path / "cloud", *cloud_options).start()
    try:
        for name in TRIED:
            answer = invoked(cloud, name, SAMPLES[name].read_bytes())
            allowed = set() if name in WITHOUT_SERVICES else OURS
            if "errorType" in answer and answer["errorType"] not in allowed:
                wrong[name] = answer
    finally:
        cloud.stop()
    assert wrong == {}
    assert len(SAMPLES) > 20


@pytest.mark.timeout(240)
def test_every_import_of_a_bundle_s_modules_should_be_in_it(
    cloud: CloudProcess, cloud_options: tuple[str, ...]
) -> None:
    package, bundles = cloud_options[1::2]
    script = Path(emulation.__file__).with_name("bundle_imports.py")
    for room in sorted({each.name: each for each in Manifest.read(Path(package)).functions}):
        (folder,) = Path(bundles).glob(f"{room}-*")
        done = subprocess.run(
            [find_interpreter(), "-I", "-S", "-B", script, folder],
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        assert set(json.loads(done.stdout)) == NOT_REACHED.get(room, frozenset()), done.stdout
        assert done.stderr == ""


def test_functions_should_run_from_read_only_bundles_of_their_own(
    cloud: CloudProcess, cloud_options: tuple[str, ...]
) -> None:
    package, bundles = Path(cloud_options[1]), Path(cloud_options[3])
    for function in Manifest.read(package).functions:
        folder = bundles / f"{function.name}-{function.sha256[:16]}"
        assert folder.stat().st_mode & 0o222 == 0, folder
    assert "site-packages" not in cloud.log


def test_the_api_should_find_the_files_it_sends(cloud: CloudProcess) -> None:
    for path in ("/v1/openapi.json", "/v1/docs"):
        assert httpx.get(f"{cloud.endpoint_url}{path}").status_code == 200


@pytest.mark.slow
def test_a_scan_should_be_recognised_without_the_libraries_that_have_stand_ins(
    cloud: CloudProcess,
) -> None:
    with api_of(cloud) as api:
        document = settled(api, upload(api, "mixed.pdf", make_pdfs.mixed(), "bundles"))
        assert document["status"] == "ready", document
        assert document["pages_needing_ocr"] == 0
        found = api.post("/v1/search", json={"query": "fish ladder", "collection": "bundles"})
        assert any("fish ladder" in hit["text"] for hit in found.json()["hits"])
        invoice = make_pictures.drawn(make_pictures.INVOICE)
        for path, data in (
            ("phone.heic", (PICTURES / "notice.heic").read_bytes()),
            ("screen.webp", make_pictures.encoded(invoice, "WEBP")),
            ("fax.tif", make_pictures.fax()),
            ("handover.mp3", RECORDING.read_bytes()),
        ):
            document = settled(api, upload(api, path, data, "bundles"))
            assert (document["status"], document["chunks"] > 1) == ("ready", True), document
