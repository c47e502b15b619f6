"""API keys and what they open. A route without `allow(...)` fails the authorisation matrix."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Header as RequestHeader
from fastapi.params import Security
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer, SecurityScopes
from fastapi.security.http import HTTPAuthorizationCredentials
from fastapi.security.utils import get_authorization_scheme_param

from app.api.deps import RuntimeDep
from app.domain import Scope
from app.errors import Forbidden, Unauthenticated, UserTokenRefused
from app.runtime import Runtime
from app.stores.api_keys import id_of

BEARER = HTTPBearer(auto_error=False, scheme_name="bearer")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header")
QUERY = APIKeyQuery(name="key", auto_error=False, scheme_name="query")

PLAUSIBLE = re.compile(r"\w{1,200}", re.ASCII)
"""Anything else cannot be a key, and is not worth a look into the database."""

PLAUSIBLE_TOKEN = re.compile(r"[\w.-]{1,4096}", re.ASCII)

Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
Header = Annotated[str | None, Depends(HEADER)]
Query = Annotated[str | None, Depends(QUERY)]
UserToken = Annotated[
    str | None,
    RequestHeader(
        alias="X-User-Token",
        description="with a publishable key: of POST /v1/users/{user_id}/token, to name that user",
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the scope of the key and, with a publishable one, the user whom a token proves."""

    scope: Scope
    user_id: str | None = None


def allow(*scopes: Scope) -> Security:
    """Let in callers whose key has one of `scopes`; the route receives the key's scope."""
    return Security(dependency=_by_header, scopes=list(scopes))


def allow_person(*scopes: Scope) -> Security:
    """The same, for routes where a token may prove a user; the route receives the `Caller`."""
    return Security(dependency=_person_by_header, scopes=list(scopes))


def allow_beacon(*scopes: Scope) -> Security:
    """The same, and `?key=` is accepted too, for `navigator.sendBeacon` cannot set headers."""
    return Security(dependency=_person_by_header_or_query, scopes=list(scopes))


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


async def _person_by_header(
    runtime: RuntimeDep, needed: SecurityScopes, bearer: Bearer, header: Header, token: UserToken
) -> Caller:
    key = bearer.credentials if bearer else header
    return await _prove(runtime, await _admit(runtime, needed.scopes, key), token)


async def _person_by_header_or_query(
    runtime: RuntimeDep,
    needed: SecurityScopes,
    bearer: Bearer,
    header: Header,
    query: Query,
    token: UserToken,
) -> Caller:
    key = bearer.credentials if bearer else header or query
    return await _prove(runtime, await _admit(runtime, needed.scopes, key), token)


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


async def admit_person(
    runtime: Runtime, request: Request, scopes: Sequence[str], *, beacon: bool
) -> Caller:
    """As `allow_person` and `allow_beacon` do, for a route that is reached past the framework."""
    headers = request.scope["headers"]
    key = _key_in_headers(headers)
    if key is None and beacon:
        key = request.query_params.get("key")
    scope = await _admit(runtime, scopes, key)
    token = next((value for name, value in headers if name == b"x-user-token"), None)
    return await _prove(runtime, scope, token.decode("latin-1") if token is not None else None)


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
    if scope is None or key is None:
        raise Unauthenticated
    await runtime.rates.take(scope, id_of(key))
    if scope not in scopes:
        raise Forbidden(scope, f"a {' or '.join(scopes)} key")
    return scope


async def _prove(runtime: Runtime, scope: Scope, token: str | None) -> Caller:
    """Other keys need no proof, so theirs is not looked at. Raises `UserTokenRefused`."""
    if token is None or scope is not Scope.PUBLISHABLE:
        return Caller(scope)
    if not PLAUSIBLE_TOKEN.fullmatch(token):
        raise UserTokenRefused("it is no token")
    return Caller(scope, await runtime.tokens.verify(token))


def forbid_naming_users(caller: Caller, user_id: str | None) -> None:
    """Publishable keys are public, so they speak for guests, and for the one user whom a token
    proves. Raises `Forbidden`.
    """
    if caller.scope is not Scope.PUBLISHABLE or user_id is None or user_id == caller.user_id:
        return
    if caller.user_id is not None:
        raise Forbidden(caller.scope, "a token for that user_id: this one is for another")
    raise Forbidden(
        caller.scope,
        "a server key or a user's token to name a user_id; send an anonymous_id instead",
    )
