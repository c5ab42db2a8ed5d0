"""Many at once: the only jit, vmap over seeds, and sharding."""
