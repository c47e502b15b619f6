"""Tokens by which a page proves, to anybody's browser open as it is, whom it speaks for.

JSON Web Tokens (RFC 7519) signed by HMAC-SHA256, of one namespace and for a short while.
"""

import time
from dataclasses import dataclass

import jwt

from app.errors import UserTokenRefused
from app.stores.database import Database
from app.stores.shared_secrets import find_secret, make_secret

ALGORITHM = "HS256"
SECRET_NAME = "user_tokens"  # noqa: S105  (the name of one)


@dataclass(frozen=True, slots=True)
class UserToken:
    """`expires_at` in milliseconds since 1970."""

    text: str
    expires_at: int


class UserTokens:
    def __init__(self, database: Database, namespace: str, secret: str | None = None) -> None:
        """Without a `secret`, one is made on first use and kept in SQL, for all workers."""
        self._database = database
        self._audience = f"thaw:{namespace}"
        self._secret = None if secret is None else secret.encode()

    async def issue(self, user_id: str, seconds: int) -> UserToken:
        """Raises `StorageUnavailable` while the secret is not known yet."""
        expires = int(time.time()) + seconds
        claims = {"sub": user_id, "aud": self._audience, "exp": expires}
        return UserToken(jwt.encode(claims, await self._key(), ALGORITHM), expires * 1000)

    async def verify(self, text: str) -> str:
        """The user that the token proves.

        Raises:
            UserTokenRefused: it is over, or not of ours.
            StorageUnavailable: the secret is not known yet.
        """
        try:
            claims = jwt.decode(
                text,
                await self._key(),
                algorithms=[ALGORITHM],
                audience=self._audience,
                options={"require": ["sub", "aud", "exp"]},
            )
        except jwt.ExpiredSignatureError:
            raise UserTokenRefused("it has expired") from None
        except jwt.InvalidTokenError:
            raise UserTokenRefused("it was not signed here") from None
        user_id: str = claims["sub"]
        return user_id

    async def _key(self) -> bytes:
        if self._secret is None:
            async with self._database.glance() as connection:
                found = await find_secret(connection, SECRET_NAME)
            if found is None:
                async with self._database.write() as connection:
                    found = await make_secret(connection, SECRET_NAME)
            self._secret = found
        return self._secret
