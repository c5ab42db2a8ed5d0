"""The theorem, held against networks."""
