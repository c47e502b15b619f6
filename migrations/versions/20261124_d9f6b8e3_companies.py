"""What the first users of newer items know beside them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "d9f6b8e3"
down_revision = "c8e5a7d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ordered = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    op.create_table(
        "companies",
        sa.Column("item_id", ordered, nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Boolean(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_companies")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_companies_due",
        "companies",
        ["item_id"],
        postgresql_where=sa.text("due"),
        sqlite_where=sa.text("due"),
    )


def downgrade() -> None:
    op.drop_table("companies")
