"""How far each change of meta-weights has come."""

import sqlalchemy as sa
from alembic import op

revision = "a8b3f5c2"
down_revision = "f7c2a8d1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reloads",
        sa.Column("reload_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reload_id", name=op.f("pk_reloads")),
    )


def downgrade() -> None:
    op.drop_table("reloads")
