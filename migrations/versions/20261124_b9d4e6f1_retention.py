"""Events are found by their time, and how far those that are too old have been deleted."""

import sqlalchemy as sa
from alembic import op

revision = "b9d4e6f1"
down_revision = "a8b3f5c2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_events_time", "events", ["timestamp", "entity"])
    op.create_table(
        "retention",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purged_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention")),
    )


def downgrade() -> None:
    op.drop_table("retention")
    op.drop_index("ix_events_time", "events")
