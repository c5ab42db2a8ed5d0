"""Questions: figure 10, sweeps, named grids, the theorem."""
