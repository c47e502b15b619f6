"""Every route of the OpenAPI document under whatever fits its schema, and what does not.

THAW_TEST_CASES says how many cases of each route are tried with keys of each scope.
"""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.domain import Scope
from tests.app.api.contract import current
from tests.browser.conftest import prepare, served

CASES = int(os.environ.get("THAW_TEST_CASES", "4"))
DOCUMENT = schemathesis.openapi.from_dict(dict(current()))
PATHS = sorted(
    (path, method)
    for path, operations in current()["paths"].items()
    for method in operations
    if path not in {"/metrics", "/docs"}
)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """An address, and keys by scope."""
    state = tmp_path_factory.mktemp("var")
    url = f"sqlite+aiosqlite:///{state}/thaw.db"
    asyncio.run(prepare(state, url))
    with served(state, url) as address:
        yield address, httpx.Response(200, content=(state / "dev-keys.json").read_bytes()).json()


@pytest.mark.parametrize("scope", [scope.value for scope in Scope])
@pytest.mark.parametrize(("path", "method"), PATHS)
def test_answers_are_as_documented(
    shop: tuple[str, dict[str, str]], path: str, method: str, scope: str
) -> None:
    address, keys = shop

    @settings(
        max_examples=CASES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(case=DOCUMENT[path][method.upper()].as_strategy())
    def attempt(case: Case[Any]) -> None:
        case.headers["Authorization"] = f"Bearer {keys[scope]}"
        response = case.call(base_url=address)
        case.validate_response(response, checks=CHECKS)

    attempt()
