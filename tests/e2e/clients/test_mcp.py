"""`/mcp` by PyPI's client, by the official conformance suite, and by several processes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cloud import PROJECT, CloudProcess
from tests.e2e.tenants import Tenant, make_tenant
from tests.soak import WHOLE
from tests.unit.mcp.messages import legacy, modern

PYTHON = PROJECT / ".venv-clients" / "bin" / "python"
HEADRACE = Path(sys.executable).with_name("headrace")
SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
BASELINE = Path(__file__).with_name("node") / "mcp_conformance.yml"
TIMEOUT_SECONDS = 200
NODE_FOR_SUITE = 22
STORY = {"prompt": "Tell a long story.", "max_tokens": 60, "allow_truncation": True}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(TIMEOUT_SECONDS + 20)]


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "mcp")
    yield made
    made.api.close()


def key_of(tenant: Tenant) -> str:
    return str(tenant.api.headers["Authorization"]).removeprefix("Bearer ")


@pytest.mark.skipif(not PYTHON.exists(), reason="make clients has not been run")
def test_the_client_of_pypi_should_do_what_an_agent_does(tenant: Tenant) -> None:
    program = Path(__file__).with_name("mcp_program.py")
    where = [tenant.cloud.endpoint_url, key_of(tenant), str(HEADRACE)]
    done = subprocess.run(
        [str(PYTHON), str(program), *where],
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    first = told["modern"]
    assert first["version"] == "2026-07-28"
    assert first["status"] == "ready"
    assert "Voss Hydro" in first["answer"]
    assert first["passage"] == "The turbine was made by Voss Hydro in 2011."
    assert first["passage"] in first["whole"]
    assert float(first["dollars"]) > 0
    assert (first["prompts"], first["refused"]) == (0, "top_k")
    assert {"search", "ask", "put_document", "extract", "get_job"} <= set(first["tools"])
    versions = [told[name]["version"] for name in ("legacy", "stdio", "stdio legacy")]
    assert versions == ["2025-11-25", "2026-07-28", "2025-11-25"]
    assert {each["answer"] for each in told.values()} == {first["answer"]}


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


def node() -> int:
    """Return the major version of Node, 0 without it."""
    if shutil.which("node") is None or shutil.which("npx") is None:
        return 0
    told = subprocess.run(["node", "--version"], capture_output=True, check=True)
    return int(told.stdout.decode().lstrip("v").partition(".")[0])


@pytest.mark.skipif(
    not WHOLE or node() < NODE_FOR_SUITE,
    reason=f"the suite of the protocol runs in make soak, by Node {NODE_FOR_SUITE}",
)
@pytest.mark.parametrize("revision", ["2026-07-28", "2025-11-25"])
def test_the_suite_of_the_protocol_should_find_what_it_always_finds(
    tenant: Tenant, tmp_path: Path, revision: str
) -> None:
    """It calls tools of a server of its own, which ours lacks; the rest has to hold."""
    with keyed(tenant) as url:
        options = ["--url", f"{url}/mcp", "--requirements", revision]
        done = subprocess.run(
            ["npx", "--yes", SUITE, "server", *options, "--expected-failures", str(BASELINE)],
            cwd=tmp_path,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout.decode()[-4000:]


@contextmanager
def keyed(tenant: Tenant) -> Iterator[str]:
    """Yield an address whose requests get the tenant's key, which the suite cannot send."""
    there, key = urlsplit(tenant.cloud.endpoint_url).netloc, key_of(tenant)

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
            self.send_header("Content-Type", response.headers.get("Content-Type", ""))
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
