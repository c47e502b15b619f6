"""API keys and what they open. A route without `allow(...)` fails the authorisation matrix."""

import re
from typing import Annotated

from fastapi import Depends
from fastapi.params import Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer, SecurityScopes
from fastapi.security.http import HTTPAuthorizationCredentials

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
    return await _admit(runtime, needed, bearer.credentials if bearer else header)


async def _by_header_or_query(
    runtime: RuntimeDep, needed: SecurityScopes, bearer: Bearer, header: Header, query: Query
) -> Scope:
    return await _admit(runtime, needed, bearer.credentials if bearer else header or query)


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


async def _admit(runtime: Runtime, needed: SecurityScopes, key: str | None) -> Scope:
    scope = await runtime.keys.verify(key) if key and PLAUSIBLE.fullmatch(key) else None
    if scope is None:
        raise Unauthenticated
    if scope not in needed.scopes:
        raise Forbidden(scope, f"a {' or '.join(needed.scopes)} key")
    return scope


def forbid_naming_users(scope: Scope, user_id: str | None) -> None:
    """Publishable keys are public, so they speak for guests only. Raises `Forbidden`."""
    if scope is Scope.PUBLISHABLE and user_id is not None:
        raise Forbidden(scope, "a server key to name a user_id; send an anonymous_id instead")
