"""The audit of dependencies: pip-audit itself, against a source that is not there or knows one."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.dependency_audit import audit, judge

WEAK = {"name": "a", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}]}
GOOD = {"name": "b", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


class Source(BaseHTTPRequestHandler):
    """Answers as OSV does: it knows one weakness, in every release of pytest."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        package = asked["package"]
        weakness = {
            "id": "OSV-7",
            "affected": [{"package": package, "ranges": [], "versions": [asked["version"]]}],
        }
        answer = {"vulns": [weakness]} if package["name"] == "pytest" else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def source() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Source)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_weakness_fails_and_is_named(source: str) -> None:
    verdict = audit("--vulnerability-service", "osv", "--osv-url", source)
    assert verdict.failed
    assert "OSV-7" in verdict.text
    assert [line.split()[0] for line in verdict.text.splitlines()[1:]] == ["pytest"]


def test_a_source_out_of_reach_is_told_and_does_not_fail() -> None:
    verdict = audit("--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:1/")
    assert not verdict.failed
    assert verdict.text.startswith("THE DEPENDENCY AUDIT WAS NOT DONE: ")
    assert "refused" in verdict.text


def test_a_source_that_knows_no_package_is_no_audit() -> None:
    verdict = judge([UNKNOWN, UNKNOWN])
    assert verdict == (
        False,
        "THE DEPENDENCY AUDIT WAS NOT DONE: its source knows none of 2 packages",
    )


def test_what_was_not_looked_up_is_named() -> None:
    assert judge([GOOD, UNKNOWN]) == (
        False,
        "No known vulnerabilities in 1 packages; not known there: c",
    )
    assert judge([GOOD, UNKNOWN, WEAK]) == (
        True,
        "Known vulnerabilities:\na 1.0: CVE-1, mended in 1.1",
    )
