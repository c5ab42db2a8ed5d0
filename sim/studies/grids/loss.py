"""Which imitation loss the students have."""

AXES = {"loss": ("kl", "squared_error")}
