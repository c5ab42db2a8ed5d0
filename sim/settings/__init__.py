"""What can be set, each declared once."""
