"""The tables. Rows never leave `app.stores`.

Text that takes part in an order has byte order on every database, so that SQL and Python agree on
ties. Times are milliseconds since 1970 (UTC).
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, Index, Integer, MetaData, Text, false, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

EVENT_PARTITIONS = 16

Ordered = Text().with_variant(TEXT(collation="C"), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class EventRow(Base):
    """One event. `strength` is `domain.strength` of it; NULL where the weight is zero."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_window", "entity", "strength", "timestamp", "item_id", "weight"),
        Index("ix_events_item", "item_id", "timestamp"),
        Index("ix_events_time", "timestamp", "entity"),
        Index(
            "ix_events_shown",
            "timestamp",
            postgresql_where=text("request_id IS NOT NULL"),
            sqlite_where=text("request_id IS NOT NULL"),
        ),
        {"postgresql_partition_by": "HASH (entity)", "sqlite_with_rowid": False},
    )

    entity: Mapped[str] = mapped_column(Ordered, primary_key=True)
    event_id: Mapped[str] = mapped_column(Ordered, primary_key=True)
    item_id: Mapped[str] = mapped_column(Ordered)
    type: Mapped[str] = mapped_column(Text)
    weight: Mapped[float] = mapped_column(Float(53))
    strength: Mapped[float | None] = mapped_column(Float(53))
    timestamp: Mapped[int] = mapped_column(BigInteger)
    value: Mapped[float | None] = mapped_column(Float(53))
    request_id: Mapped[str | None] = mapped_column(Text)
    position: Mapped[int | None] = mapped_column(BigInteger)
    context: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class EntityRow(Base):
    """Where an entity stands. Its row lock puts the commits of one entity into one order.

    `member` is whom a guest became; `erased_at` is when an earlier life under this id was erased.
    """

    __tablename__ = "entities"
    __table_args__ = (Index("ix_entities_member", "member"), {"sqlite_with_rowid": False})

    entity: Mapped[str] = mapped_column(Ordered, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    member: Mapped[str | None] = mapped_column(Ordered)
    erased_at: Mapped[int | None] = mapped_column(BigInteger)


class ErasedRow(Base):
    """That somebody was erased; `name` is a keyed hash, which tells nobody who."""

    __tablename__ = "erased"
    __table_args__ = (Index("ix_erased_erased_at", "erased_at"), {"sqlite_with_rowid": False})

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
    erased_at: Mapped[int] = mapped_column(BigInteger)


class SecretRow(Base):
    """A random key that all replicas share."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class PendingRow(Base):
    """An entity whose window in Redis may be older than its events."""

    __tablename__ = "pending_apply"
    __table_args__ = ({"sqlite_with_rowid": False},)

    entity: Mapped[str] = mapped_column(Ordered, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[int] = mapped_column(BigInteger)


class ItemRow(Base):
    """An item as it has been since `epoch`, with the counts of `domain.Item`."""

    __tablename__ = "items"
    __table_args__ = (
        Index("ix_items_epoch", "epoch", "item_id"),
        Index("ix_items_available_from", "available_from"),
        Index("ix_items_available_until", "available_until"),
        {"sqlite_with_rowid": False},
    )

    item_id: Mapped[str] = mapped_column(Ordered, primary_key=True)
    properties: Mapped[dict[str, Any]] = mapped_column(JSON)
    hidden: Mapped[bool]
    available_from: Mapped[int | None] = mapped_column(BigInteger)
    available_until: Mapped[int | None] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unseen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    deleted: Mapped[bool] = mapped_column(server_default=false())


class UserRow(Base):
    __tablename__ = "users"
    __table_args__ = ({"sqlite_with_rowid": False},)

    user_id: Mapped[str] = mapped_column(Ordered, primary_key=True)
    properties: Mapped[dict[str, Any]] = mapped_column(JSON)


class CatalogueEpochRow(Base):
    """One row. Whoever changes items raises the epoch first, so epochs follow commits.

    `events` were counted on all items, the last of them at `counted_at`.
    """

    __tablename__ = "catalogue_epoch"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(BigInteger)
    events: Mapped[int] = mapped_column(BigInteger, server_default="0")
    counted_at: Mapped[int] = mapped_column(BigInteger, server_default="0")


class UncountedRow(Base):
    """The positive events of one append by item, until somebody counts them."""

    __tablename__ = "uncounted_events"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    events: Mapped[dict[str, int]] = mapped_column(JSON)


class CompanyRow(Base):
    """What the first users of a newer item know beside it.

    `due` when it is to be made anew; `turn` rises whenever it becomes so, so that who is late does
    not put back what must be gone. `events` were counted on the item when it was made.
    """

    __tablename__ = "companies"
    __table_args__ = (
        Index(
            "ix_companies_due",
            "item_id",
            postgresql_where=text("due"),
            sqlite_where=text("due"),
        ),
        {"sqlite_with_rowid": False},
    )

    item_id: Mapped[str] = mapped_column(Ordered, primary_key=True)
    turn: Mapped[int] = mapped_column(BigInteger)
    due: Mapped[bool]
    events: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[str] = mapped_column(Text)


class ActivationRow(Base):
    """One row: the meta-weights version that every replica should serve."""

    __tablename__ = "activation"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(Text)
    previous: Mapped[str | None] = mapped_column(Text)


class ReloadRow(Base):
    """How far a change of meta-weights has come; times in ms."""

    __tablename__ = "reloads"

    reload_id: Mapped[str] = mapped_column(Text, primary_key=True)
    stage: Mapped[str] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[int] = mapped_column(BigInteger)


class ReplicaRow(Base):
    __tablename__ = "replicas"

    replica_id: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[str | None] = mapped_column(Text)
    epoch: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)


class ExploredRow(Base):
    """A list that was drawn by chance; `content` is what an estimate needs of it."""

    __tablename__ = "explored_lists"
    __table_args__ = (
        Index("ix_explored_lists_entity", "entity"),
        Index("ix_explored_lists_drawn_at", "drawn_at"),
    )

    request_id: Mapped[str] = mapped_column(Text, primary_key=True)
    entity: Mapped[str] = mapped_column(Ordered)
    drawn_at: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)


class RetentionRow(Base):
    """One row: up to when (ms) events that grew too old have been deleted."""

    __tablename__ = "retention"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    purged_until: Mapped[int] = mapped_column(BigInteger)


class ApiKeyRow(Base):
    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    secret_sha256: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger)
    previous_sha256: Mapped[str | None] = mapped_column(Text)
    previous_until: Mapped[int | None] = mapped_column(BigInteger)
