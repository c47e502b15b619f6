"""The first tables: events, entities, pending notes, catalogue, activation, keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "a1f0c2d4"
down_revision = None
branch_labels = None
depends_on = None

PARTITIONS = 16
Ordered = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
Real = sa.Float(53)


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("entity", Ordered, nullable=False),
        sa.Column("event_id", Ordered, nullable=False),
        sa.Column("item_id", Ordered, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("weight", Real, nullable=False),
        sa.Column("strength", Real, nullable=True),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("value", Real, nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("context", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("entity", "event_id", name="pk_events"),
        postgresql_partition_by="HASH (entity)",
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        for number in range(PARTITIONS):
            op.execute(
                f"CREATE TABLE events_p{number:02d} PARTITION OF events "
                f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            )
    op.create_index(
        "ix_events_window", "events", ["entity", "strength", "timestamp", "item_id", "weight"]
    )
    op.create_index("ix_events_item", "events", ["item_id", "timestamp"])
    op.create_table(
        "entities",
        sa.Column("entity", Ordered, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", name="pk_entities"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pending_apply",
        sa.Column("entity", Ordered, nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", name="pk_pending_apply"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "items",
        sa.Column("item_id", Ordered, nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("available_from", sa.BigInteger(), nullable=True),
        sa.Column("available_until", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_items"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "users",
        sa.Column("user_id", Ordered, nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
        sqlite_with_rowid=False,
    )
    epoch = op.create_table(
        "catalogue_epoch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalogue_epoch"),
    )
    op.bulk_insert(epoch, [{"id": 1, "epoch": 0}])
    op.create_table(
        "catalogue_changes",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_id", Ordered, nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("available_from", sa.BigInteger(), nullable=True),
        sa.Column("available_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("epoch", name="pk_catalogue_changes"),
    )
    op.create_table(
        "activation",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_activation"),
    )
    op.create_table(
        "replicas",
        sa.Column("replica_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("replica_id", name="pk_replicas"),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )


def downgrade() -> None:
    for table in (
        "api_keys",
        "replicas",
        "activation",
        "catalogue_changes",
        "catalogue_epoch",
        "users",
        "items",
        "pending_apply",
        "entities",
        "events",
    ):
        op.drop_table(table)
