"""Events as most services would take them: a checked body, one transaction for each request.

uvicorn benchmarks.rivals.plain_events:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import JSON, BigInteger, Index
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=32)
sessions = async_sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class EventRow(Base):
    __tablename__ = "plain_events"
    __table_args__ = (Index("ix_plain_events_user", "user_id", "timestamp"),)

    event_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    item_id: Mapped[str]
    type: Mapped[str]
    value: Mapped[float | None]
    timestamp: Mapped[int] = mapped_column(BigInteger)
    context: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class EventIn(BaseModel):
    event_id: str
    user_id: str
    item_id: str
    type: str
    value: float | None = None
    timestamp: int | None = None
    context: dict[str, Any] | None = None


class EventsIn(BaseModel):
    events: list[EventIn]


class EventsOut(BaseModel):
    accepted: int


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.post("/events", status_code=202)
async def record(body: EventsIn) -> EventsOut:
    now = int(datetime.now(UTC).timestamp() * 1000)
    rows = [{**event.model_dump(), "timestamp": event.timestamp or now} for event in body.events]
    async with sessions.begin() as session:
        stored = await session.execute(
            insert(EventRow).on_conflict_do_nothing().returning(EventRow.event_id), rows
        )
        accepted = len(stored.all())
    return EventsOut(accepted=accepted)
