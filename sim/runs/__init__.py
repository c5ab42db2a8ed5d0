"""What is kept: runs, results, their identity, the store."""
