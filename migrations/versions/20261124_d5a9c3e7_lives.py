"""Guests become members, and people are erased: what must be remembered of both."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "d5a9c3e7"
down_revision = "c4e8f1b2"
branch_labels = None
depends_on = None

Ordered = sa.Text().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("entities", sa.Column("member", Ordered, nullable=True))
    op.add_column("entities", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_entities_member", "entities", ["member"])
    op.create_table(
        "erased",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_erased"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_erased_erased_at", "erased", ["erased_at"])
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secrets"),
    )


def downgrade() -> None:
    op.drop_table("secrets")
    op.drop_table("erased")
    op.drop_index("ix_entities_member", "entities")
    op.drop_column("entities", "erased_at")
    op.drop_column("entities", "member")
