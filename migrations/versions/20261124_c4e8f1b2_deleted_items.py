"""Deleted items: gone for readers, remembered so that nobody shows them."""

import sqlalchemy as sa
from alembic import op

revision = "c4e8f1b2"
down_revision = "b7d3e9a5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "items", sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("items", "deleted")
