import pytest

for part in ("given", "adapting", "learning", "serving"):
    pytest.register_assert_rewrite(f"tests.models.algorithms.{part}")
