"""Live popularity: events are counted by item; items are followed by epoch, without a log.

And users stand in the log like anybody who did something, for their properties have versions too.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "b7d3e9a5"
down_revision = "a1f0c2d4"
branch_labels = None
depends_on = None

Ordered = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
COUNTS = {"items": ("events", "unseen"), "catalogue_epoch": ("events", "counted_at")}
INDEXES = {
    "ix_items_epoch": ["epoch", "item_id"],
    "ix_items_available_from": ["available_from"],
    "ix_items_available_until": ["available_until"],
}


def upgrade() -> None:
    for table, columns in COUNTS.items():
        for name in columns:
            op.add_column(
                table, sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            )
    for name, indexed in INDEXES.items():
        op.create_index(name, "items", indexed)
    op.create_table(
        "uncounted_events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uncounted_events"),
    )
    op.drop_table("catalogue_changes")
    op.execute(
        "INSERT INTO entities (entity, generation, version) "
        "SELECT 'user:' || user_id, 0, 1 FROM users WHERE true ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.create_table(
        "catalogue_changes",
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_id", Ordered, nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("available_from", sa.BigInteger(), nullable=True),
        sa.Column("available_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("epoch", name="pk_catalogue_changes"),
    )
    op.drop_table("uncounted_events")
    for name in INDEXES:
        op.drop_index(name, "items")
    for table, columns in COUNTS.items():
        for name in columns:
            op.drop_column(table, name)
