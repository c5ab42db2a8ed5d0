"""The temperature of the imitation loss.

Published: flat.
"""

AXES = {"temperature": (0.25, 0.5, 1.0, 2.0, 4.0)}
