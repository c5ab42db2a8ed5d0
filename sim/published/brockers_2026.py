"""Brockers et al.: split heads, and auxiliary logits by distillation inputs."""

from sim.published.entries import Row, Source, Value

SOURCE = Source(
    "Brockers et al., arXiv 2605.23645",
    "misc",
    {
        "title": "Learning Through Noise: Why Subliminal Learning Works and When It Fails",
        "author": "Brockers, Vincent C. and Ventzke, Roman D. and Neuhaus, Valentin and others",
        "year": "2026",
        "eprint": "2605.23645",
        "archiveprefix": "arXiv",
    },
)
_THEIRS = {
    "squared error": {"loss": "squared_error"},
    "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
}
_DIFFERS = "squared error, split heads, Adam 1e-3"
_UNSAID = "initialisation, batch and epochs: the paper's are taken"
_CHANCE = Value(None, n=20, how="chance")


def _independent(layers: str, aux: int, value: Value, **same: str) -> Row:
    words = {"hidden": "other hidden layers", "class_head": "another class head"}[layers]
    change = {words: {"independent": layers}}
    m = {f"{aux} auxiliary logits": {"aux": aux}} if aux != 3 else {}
    at = {"layers": {"independent": layers, "aux": aux}}
    return Row(change | m | _THEIRS, (value,), at=at, differs=_DIFFERS, unknown=_UNSAID)


ROWS = {
    "aux_1": Row(
        {"1 auxiliary logit": {"aux": 1}} | _THEIRS,
        (Value(0.83, n=20),),
        at={"channel_by_inputs_tied": {"aux": 1, "noise_images": 35840}},
        differs="Adam 1e-3, split heads, the most N",
        unknown=_UNSAID + "; N as the paper's",
    ),
    "inputs_1000": Row(
        {"1,000 inputs": {"noise_images": 1000}, "100 auxiliary logits": {"aux": 100}} | _THEIRS,
        (Value(0.29, n=20),),
        at={"channel_by_inputs_tied": {"aux": 100, "noise_images": 1024}},
        differs="Adam 1e-3, split heads, N = 1,000, m not said",
        unknown=_UNSAID + "; m = 100",
    ),
    "hidden": _independent("hidden", 300, Value(0.1, n=20, how=">")),
    **{f"class_head_{m}": _independent("class_head", m, _CHANCE) for m in (3, 30, 300)},
}
