"""What is proved: functions of any f(θ, x). Imports jax and nothing of `sim`."""
