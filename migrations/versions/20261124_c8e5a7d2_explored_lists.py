"""Lists that were drawn by chance are kept for estimates of other meta-weights."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "c8e5a7d2"
down_revision = "b9d4e6f1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ordered = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    op.create_table(
        "explored_lists",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("entity", ordered, nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_explored_lists")),
    )
    op.create_index("ix_explored_lists_entity", "explored_lists", ["entity"])
    op.create_index("ix_explored_lists_drawn_at", "explored_lists", ["drawn_at"])


def downgrade() -> None:
    op.drop_table("explored_lists")
