"""The least that a recommendation service can be: one GET of a list that was computed before.

uvicorn benchmarks.rivals.bare_route:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["REDIS_URL"])


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/recommendations/{user_id}")
async def recommendations(user_id: str) -> Response:
    stored = await redis.get(f"recommendations:{user_id}")
    return Response(stored, media_type="application/json")
