"""`/mcp` by PyPI's client, by the official conformance suite, and by several processes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.mcp.resources import DOCUMENT
from tests.cloud import PROJECT, CloudProcess
from tests.e2e.driving import register_version
from tests.e2e.tenants import Tenant, key_of, make_tenant
from tests.soak import WHOLE
from tests.unit.mcp.messages import legacy, modern

PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
HEADRACE = Path(sys.executable).with_name("headrace")
NODE_PACKAGES = PROJECT / ".venv-clients" / "node" / "node_modules"
NODE = [*NODE_PACKAGES.glob("node-linux-*/bin/node")]
"""Node 22, which the suite needs, of npm's package for this machine."""
SUITE = NODE_PACKAGES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
PROMPTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "test_simple_prompt": ((), "This is a simple prompt for testing."),
    "test_prompt_with_arguments": (("arg1", "arg2"), "Arguments: {{arg1}} and {{arg2}}."),
}
"""Prompts that the suite gets and completes."""
BASELINE = Path(__file__).with_name("node") / "mcp_conformance.yml"
TIMEOUT_SECONDS = 200
TURBINE = "# Turbine\n\nThe turbine was made by Voss Hydro in 2011. It is rated at 410 kilowatts.\n"
DESTRUCTIVE = [
    "cancel_job",
    "decide_on_model_version",
    "delete_document",
    "put_document",
    "put_review",
]
STORY = {"prompt": "Tell a long story.", "max_tokens": 60, "allow_truncation": True}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(TIMEOUT_SECONDS + 20)]


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "mcp")
    yield made
    made.api.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a text, an invoice, and a file that is no PDF though it says so."""
    made = tmp_path / "station"
    made.mkdir()
    made.joinpath("turbine.md").write_text(TURBINE, encoding="utf-8")
    made.joinpath("broken.pdf").write_bytes(b"%PDF-1.7\nnothing")
    shutil.copy(PROJECT / "examples" / "extraction" / "invoice.pdf", made)
    return made


@pytest.fixture
def group(cloud: CloudProcess) -> str:
    """A group of trained models, one version of which waits for a verdict."""
    return register_version(cloud, "headrace-local-mcp-test")


@pytest.mark.skipif(not PYTHON.exists(), reason="make clients has not been run")
def test_a_newcomer_should_come_all_the_way_by_the_client_of_pypi(
    tenant: Tenant, folder: Path, group: str
) -> None:
    """Upload, find why a file was rejected, ask, correct, cancel, approve, delete, see the cost."""
    program = Path(__file__).with_name("mcp_program.py")
    keys = [key_of(tenant.api), tenant.cloud.api_key]
    done = subprocess.run(
        [str(PYTHON), str(program), tenant.cloud.endpoint_url, *keys, group, str(folder), HEADRACE],
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    way = told["newcomer"]
    assert way["version"] == "2026-07-28"
    assert way["destructive"] == DESTRUCTIVE
    ready = {"invoice.pdf": "ready", "turbine.md": "ready"}
    assert way["statuses"] == {"broken.pdf": "rejected", **ready}
    assert "PDF" in way["reason"]
    assert way["newest"] == sorted(way["newest"], reverse=True)
    assert len(way["newest"]) == len(way["statuses"])
    assert "Voss Hydro" in way["answer"]
    assert way["passage"] == "The turbine was made by Voss Hydro in 2011."
    assert way["rated"]
    assert float(way["dollars"]) > 0
    assert sorted(way["listed"]) == sorted(ready)
    assert way["completed"] == {"document": True, "pages": ["1"]}
    assert way["review"] == {
        "before": None,
        "waiting": 1,
        "status": "reviewed",
        "after": "R-7",
        "schema": True,
    }
    assert way["batch"] == {
        "estimated": 1,
        "status": "cancelled",
        "errors": [["b", "InvalidInput"]],
        "again": "Conflict",
    }
    verdict = way["verdict"]
    assert (verdict["denied"]["type"], verdict["denied"]["field"]) == (
        "NotPermitted",
        "Authorization",
    )
    assert (verdict["before"], verdict["numbers"]) == ("waiting", {"loss": 0.25})
    assert verdict["after"] == "approved"
    assert way["deleted"]
    assert way["missing"] == "NotFound"
    assert way["usage"]["total"]["requests"] > 0, way["usage"]
    versions = [told[name]["version"] for name in ("legacy", "stdio", "stdio legacy")]
    assert versions == ["2025-11-25", "2026-07-28", "2025-11-25"]
    assert {told[name]["answer"] for name in ("legacy", "stdio", "stdio legacy")} == {way["answer"]}


def test_requests_should_be_answered_alike_by_whichever_process(tenant: Tenant) -> None:
    """While one process writes a story, another answers; they share no memory."""
    asked = [
        modern("server/discover"),
        modern("tools/list"),
        legacy("initialize", protocolVersion="2025-11-25"),
        legacy("tools/list"),
        legacy("ping"),
        modern("resources/list"),
        modern("resources/templates/list"),
        modern("prompts/list"),
        modern("tools/call", name="list_documents", arguments={"limit": 1}),
        modern("tools/call", name="list_jobs", arguments={}),
        modern("tasks/get", tasks=True, taskId="extract.none"),
        modern("resources/read", uri="headrace://documents/none"),
        modern(
            "completion/complete",
            ref={"type": "ref/resource", "uri": DOCUMENT},
            argument={"name": "document_id", "value": ""},
        ),
    ]

    ids: set[str] = set()

    def send(message: tuple[dict[str, Any], dict[str, str]]) -> dict[str, Any]:
        request, headers = message
        response = tenant.api.post("/mcp", json=request, headers=headers, timeout=60)
        told: dict[str, Any] = response.json()
        ids.add(response.headers["x-amzn-RequestId"])
        assert told["id"] == request["id"], told
        return told

    expected = [send(each) for each in asked]
    order = list(range(len(asked))) * 3
    random.Random(7).shuffle(order)
    with ThreadPoolExecutor(4) as pool:
        long = pool.submit(send, modern("tools/call", name="generate_text", arguments=STORY))
        told = list(pool.map(lambda n: send(asked[n]), order))
        assert long.result()["result"]["isError"] is False
    assert told == [expected[n] for n in order]
    assert len(processes(tenant.cloud, ids)) > 1


def processes(cloud: CloudProcess, requests: set[str]) -> set[str]:
    """Return the processes of the API's function that answered any of `requests`."""
    log = cloud.data_dir / "lambdas" / "logs" / f"{cloud.outputs['APIHandlerName']}.log"
    return {
        line.split()[1]
        for line in log.read_text().splitlines()
        if '"route":"/mcp"' in line and any(each in line for each in requests)
    }


@pytest.mark.skipif(not NODE or not SUITE.exists(), reason="make clients has not been run")
@pytest.mark.parametrize("revision", ["2026-07-28", "2025-11-25"] if WHOLE else ["2026-07-28"])
def test_the_suite_of_the_protocol_should_find_what_it_always_finds(
    tenant: Tenant, tmp_path: Path, revision: str
) -> None:
    """It calls tools of a server of its own, which ours lacks; the rest has to hold."""
    for name, (variables, template) in PROMPTS.items():
        given = {each: {"type": "string"} for each in variables}
        prompt = {"name": name, "variables": given, "turns": [{"template": template}]}
        assert tenant.api.post("/v1/prompts", json=prompt).is_success
    with keyed(tenant) as url:
        options = ["--url", f"{url}/mcp", "--requirements", revision]
        done = subprocess.run(
            [NODE[0], SUITE, "server", *options, "--expected-failures", BASELINE],
            cwd=tmp_path,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout.decode()[-4000:]


@contextmanager
def keyed(tenant: Tenant) -> Iterator[str]:
    """Yield an address whose requests get the tenant's key, which the suite cannot send."""
    there, key = urlsplit(tenant.cloud.endpoint_url).netloc, key_of(tenant.api)

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.forward()

        def do_DELETE(self) -> None:
            self.forward()

        def do_POST(self) -> None:
            self.forward()

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {**dict(self.headers), "Authorization": f"Bearer {key}"}
            with closing(HTTPConnection(there, timeout=60)) as connection:
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                content = response.read()
            self.send_response(response.status)
            for name in ("Content-Type", "Content-Encoding"):
                if name in response.headers:
                    self.send_header(name, response.headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *parts: object) -> None:
            """Say nothing; what the suite finds, it says itself."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
