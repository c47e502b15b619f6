"""API keys and what they open. A route without `allow(...)` fails the authorisation matrix."""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Depends, Request
from fastapi.params import Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer, SecurityScopes
from fastapi.security.http import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param

from app.api.deps import RuntimeDep
from app.domain import Scope
from app.errors import Forbidden, Unauthenticated
from app.runtime import Runtime

BEARER = HTTPBearer(auto_error=False, scheme_name="bearer")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header")
QUERY = APIKeyQuery(name="key", auto_error=False, scheme_name="query")

PLAUSIBLE = re.compile(r"\w{1,200}", re.ASCII)
"""Anything else cannot be a key, and is not worth a look into the database."""

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
Header = Annotated[str | None, Depends(HEADER)]
Query = Annotated[str | None, Depends(QUERY)]


def allow(*scopes: Scope) -> Security:
    """Let in callers whose key has one of `scopes`; the route receives the key's scope."""
    return Security(dependency=_by_header, scopes=list(scopes))


def allow_beacon(*scopes: Scope) -> Security:
    """The same, and `?key=` is accepted too, for `navigator.sendBeacon` cannot set headers."""
    return Security(dependency=_by_header_or_query, scopes=list(scopes))


def allow_docs() -> Security:
    """Any key will do; none is needed in the demo or where the settings open the documents."""
    return Security(dependency=_docs, scopes=list(Scope))


def allow_metrics() -> Security:
    """An admin key, unless the settings open the metrics."""
    return Security(dependency=_metrics, scopes=[Scope.ADMIN])


async def _by_header(
    runtime: RuntimeDep, needed: SecurityScopes, bearer: Bearer, header: Header
) -> Scope:
    return await _admit(runtime, needed.scopes, bearer.credentials if bearer else header)


async def _by_header_or_query(
    runtime: RuntimeDep, needed: SecurityScopes, bearer: Bearer, header: Header, query: Query
) -> Scope:
    return await _admit(runtime, needed.scopes, bearer.credentials if bearer else header or query)


async def _docs(
    runtime: RuntimeDep, needed: SecurityScopes, bearer: Bearer, header: Header
) -> None:
    if not (runtime.settings.demo or runtime.settings.server.open_docs):
        await _by_header(runtime, needed, bearer, header)


async def _metrics(
    runtime: RuntimeDep, needed: SecurityScopes, bearer: Bearer, header: Header
) -> None:
    if not runtime.settings.server.open_metrics:
        await _by_header(runtime, needed, bearer, header)


async def admit_by_header(runtime: Runtime, request: Request, scopes: Sequence[str]) -> Scope:
    """As `allow` does, for a route that is reached past the framework."""
    return await _admit(runtime, scopes, _key_in_headers(request.scope["headers"]))


async def admit_by_header_or_query(
    runtime: Runtime, request: Request, scopes: Sequence[str]
) -> Scope:
    """As `allow_beacon` does, for a route that is reached past the framework."""
    key = _key_in_headers(request.scope["headers"]) or request.query_params.get("key")
    return await _admit(runtime, scopes, key)


def _key_in_headers(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The first bearer token, or else the first X-API-Key, as the schemes above read them."""
    bearer = key = None
    for name, value in headers:
        if name == b"authorization" and bearer is None:
            bearer = value
        elif name == b"x-api-key" and key is None:
            key = value
    scheme, credentials = get_authorization_scheme_param((bearer or b"").decode("latin-1"))
    if scheme.lower() == "bearer" and credentials:
        return credentials
    return key.decode("latin-1") if key else None


async def _admit(runtime: Runtime, scopes: Sequence[str], key: str | None) -> Scope:
    scope = await runtime.keys.verify(key) if key and PLAUSIBLE.fullmatch(key) else None
    if scope is None:
        raise Unauthenticated
    if scope not in scopes:
        raise Forbidden(scope, f"a {' or '.join(scopes)} key")
    return scope


def forbid_naming_users(scope: Scope, user_id: str | None) -> None:
    """Publishable keys are public, so they speak for guests only. Raises `Forbidden`."""
    if scope is Scope.PUBLISHABLE and user_id is not None:
        raise Forbidden(scope, "a server key to name a user_id; send an anonymous_id instead")
