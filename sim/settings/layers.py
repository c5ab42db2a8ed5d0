"""Layers by name, as settings choose them."""

from collections.abc import Iterable
from typing import Any

from sim.settings.rules import Rule, Settings

CHANNELS = (16, 32)  # of a cnn, unless student_widths says others
GROUPS = ("none", "hidden", "all")


def student_layers(setup: Any) -> tuple[str, ...]:
    """Name a student's layers, from the input on."""
    return _layers(vars(setup))


def chosen(names: str, layers: tuple[str, ...]) -> tuple[str, ...]:
    """Pick those of the layers that a setting names, joined by +."""
    words = {*names.split("+")}
    return tuple(
        layer
        for layer in layers
        if words & {layer, "all", "hidden" if layer.startswith("hidden") else layer}
    )


def in_order(layers: Iterable[str]) -> list[str]:
    """Sort layers from the input on, what is no layer first."""
    heads = ("hidden", "class_head", "aux_head")

    def place(name: str) -> tuple[int, int]:
        kind, _, number = name.partition("_")
        at = heads.index(kind) if kind in heads else heads.index(name) if name in heads else -1
        return at, int(number) if number.isdigit() else 0

    return sorted(layers, key=place)


def _layers(settings: Settings) -> tuple[str, ...]:
    widths = settings["student_widths"] or settings["widths"]
    if settings["student_network"] == "cnn":
        widths = (*(settings["student_widths"] or CHANNELS), settings["widths"][-1])
    return (*(f"hidden_{i}" for i in range(len(widths))), "class_head", "aux_head")


LAYERS = Rule(
    lambda names, settings: (
        names == "none" or {*names.split("+")} <= {*_layers(settings), *GROUPS} - {"none"}
    ),
    lambda settings: "of " + ", ".join((*_layers(settings), *GROUPS)) + ", joined by +",
)
