"""What people see: figures, tables, progress."""
