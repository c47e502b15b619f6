"""Tokens of users: real signatures, on both databases."""

import time

import jwt
import pytest

from app.errors import StorageUnavailable, UserTokenRefused
from app.stores.database import Database
from app.stores.user_tokens import UserTokens

SECRET = "a secret of at least 32 characters"


@pytest.mark.parametrize("user_id", ["ann", "a/b", "ж" * 128, "☃\n{}'\""])
async def test_a_token_proves_whom_it_was_made_for(database: Database, user_id: str) -> None:
    before = time.time()
    token = await UserTokens(database, "thaw").issue(user_id, 60)
    assert before + 59 <= token.expires_at / 1000 <= time.time() + 60
    assert await UserTokens(database, "thaw").verify(token.text) == user_id


async def test_workers_agree_on_the_secret_and_it_can_be_set(database: Database) -> None:
    one, two = (UserTokens(database, "thaw") for _ in range(2))
    assert await two.verify((await one.issue("ann", 60)).text) == "ann"
    own = UserTokens(database, "thaw", SECRET)
    token = await own.issue("ann", 60)
    assert await UserTokens(database, "thaw", SECRET).verify(token.text) == "ann"
    with pytest.raises(UserTokenRefused):
        await one.verify(token.text)


async def test_a_set_secret_needs_no_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise StorageUnavailable("database")

    monkeypatch.setattr(database, "glance", away)
    own = UserTokens(database, "thaw", SECRET)
    assert await own.verify((await own.issue("ann", 60)).text) == "ann"
    with pytest.raises(StorageUnavailable):
        await UserTokens(database, "thaw").issue("ann", 60)


async def test_what_is_over_or_of_another_namespace_is_refused(database: Database) -> None:
    tokens = UserTokens(database, "thaw", SECRET)
    late = await tokens.issue("ann", -1)
    with pytest.raises(UserTokenRefused, match="expired"):
        await tokens.verify(late.text)
    foreign = await UserTokens(database, "shop", SECRET).issue("ann", 60)
    with pytest.raises(UserTokenRefused, match="not signed here"):
        await tokens.verify(foreign.text)


CLAIMS = {"sub": "ann", "aud": "thaw:thaw", "exp": 4_000_000_000}


@pytest.mark.parametrize("missing", sorted(CLAIMS))
async def test_a_token_says_who_where_and_until_when(database: Database, missing: str) -> None:
    tokens = UserTokens(database, "thaw", SECRET)
    assert await tokens.verify(jwt.encode(CLAIMS, SECRET)) == "ann"
    lacking = {name: value for name, value in CLAIMS.items() if name != missing}
    with pytest.raises(UserTokenRefused):
        await tokens.verify(jwt.encode(lacking, SECRET))


async def test_forged_tokens_are_refused(database: Database) -> None:
    tokens = UserTokens(database, "thaw", SECRET)
    head, body, signature = (await tokens.issue("ann", 60)).text.split(".")
    other = jwt.encode({**CLAIMS, "sub": "ben"}, SECRET).split(".")[1]
    forged = [
        f"{head}.{other}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        jwt.encode(CLAIMS, None, algorithm="none"),
        jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512"),
        "a.b.c",
        "",
    ]
    for text in forged:
        with pytest.raises(UserTokenRefused):
            await tokens.verify(text)
