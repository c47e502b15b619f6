"""After a rotation the secret before is good for a while."""

import sqlalchemy as sa
from alembic import op

revision = "e6b1d4f8"
down_revision = "d5a9c3e7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("previous_sha256", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_keys", "previous_until")
    op.drop_column("api_keys", "previous_sha256")
