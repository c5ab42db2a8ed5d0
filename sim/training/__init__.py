"""What happens to one network: who it is, what it learns, its steps, its measures."""
