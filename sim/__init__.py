"""What is simulated: settings, data, networks, training, engine, results, figures, command line."""

from sim import plots, results
from sim.experiments import figure10

__all__ = ["figure10", "plots", "results"]
