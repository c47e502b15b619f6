"""Everything the service remembers: SQL is the truth, Redis the fast copy of it."""
