"""Events that answer to a list are found by their time."""

import sqlalchemy as sa
from alembic import op

revision = "f7c2a8d1"
down_revision = "e6b1d4f8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    answering = sa.text("request_id IS NOT NULL")
    op.create_index(
        "ix_events_shown",
        "events",
        ["timestamp"],
        postgresql_where=answering,
        sqlite_where=answering,
    )


def downgrade() -> None:
    op.drop_index("ix_events_shown", "events")
