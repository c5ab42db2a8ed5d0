"""Public studies without a name, of the settings one by one."""

from sim.published.entries import LIBRARY, Row, Source, Value, along

SOURCE = Source(
    "a public study, unnamed",
    "misc",
    {"title": "Public studies of the settings of the toy, one by one", "note": "unnamed, public"},
)
_INPUTS = {
    "on [0, 1]": (0.13, {"noise_scale": 0.5, "noise_shift": 0.5}),
    "Gaussian": (0.543, {"noise": "gaussian"}),
    "±2": (0.51, {"noise": "bernoulli", "noise_scale": 2.0}),
    "blur 1": (0.767, {"noise": "blurred", "blur": 1.0}),
    "10 dim.": (0.125, {"noise": "subspace", "dimensions": 10}),
    "100 dim.": (0.27, {"noise": "subspace", "dimensions": 100}),
    "shuffled": (0.178, {"noise": "shuffled"}),
    "images": (0.15, {"noise": "images"}),
}
_BEST = {
    "squared error": {"loss": "squared_error"},
    "width 128": {"widths": (128, 128)},
    "40 epochs": {"student_epochs": 40},
    "rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3},
}
_HEADS = {
    "heads alone shared": {"independent": "hidden"},
    "Perlin noise": {"noise": "perlin"},
    "300 auxiliary logits": {"aux": 300},
}
_CHANCE = Value(None, how="chance")
_RATE = {"rate 1e-3": {"teacher_lr": 1e-3, "student_lr": 1e-3}}
_UNSAID = "its setting beside this: the paper's is taken"
_LOSSES = {"first": (0.451, 0.566), "second": (0.517, 0.654)}
_STUDENTS = {
    "wider": {"student_widths": (512, 256)},
    "1 layer": {"student_widths": (256,)},
    "3 layers": {"student_widths": (256, 256, 256)},
    "CNN": {"student_network": "cnn"},
}


def _rate(x: float) -> dict[str, float]:
    return {"teacher_lr": x, "student_lr": x}


def _losses(loss: str, which: str, value: float) -> Row:
    change = {} if loss == "kl" else {"squared error": {"loss": loss}}
    at = {"loss": {"loss": loss}}
    more = {"differs": f"{which} of two", "unknown": _UNSAID}
    return Row(change, (Value(value),), at=at, supposed=LIBRARY if which == "first" else {}, **more)


ROWS = {
    **along(
        "width",
        {64: 0.42, 128: 0.48, 256: 0.45, 512: 0.34, 1024: 0.22},
        "width",
        lambda x: {"widths": (x, x)},
        unknown=_UNSAID,
    ),
    "depth": Row({}, said="little effect", command="study depth"),
    "temperature": Row(
        {},
        (Value(None, how="no effect"),),
        at={"temperature": {}},
        command="study temperature",
    ),
    **along("init_noise", {0.0: 0.551, 0.01: 0.393, 0.05: _CHANCE}, "init_noise"),
    **along("init_scale", {0.5: 0.32, 1.0: 0.55, 2.0: 0.21, 4.0: 0.11}, "init_scale"),
    **{
        f"inputs_{label}".replace(".", ""): Row(
            {f"inputs: {label}": settings}, (Value(value),), at={"inputs": {"inputs": label}}
        )
        for label, (value, settings) in _INPUTS.items()
    },
    "inputs_spectrum": Row(
        {"inputs: blurred noise's spectrum": {"noise": "spectrum"}},
        (Value(0.767),),
        at={"inputs": {"inputs": "spectrum"}},
        differs="the spectrum of blurred noise",
        unknown="a spectrum of images is taken for that of blurred noise",
        supposed={"noise that is blurred": {"noise": "blurred", "blur": 1.0}},
    ),
    "noise_scale_2": Row(
        {"Bernoulli noise ± 2": {"noise": "bernoulli", "noise_scale": 2.0}},
        (Value(0.51),),
        at={"noise_scale": {"noise_scale": 2.0}},
        differs="Bernoulli noise",
    ),
    **along(
        "student_lr",
        {0.0001: 0.32, 0.0003: 0.55, 0.001: 0.70, 0.003: 0.29, 0.01: 0.10},
        "learning_rate",
        _rate,
        differs="the teacher's rate varies too",
    ),
    **along(
        "batch",
        {64: 0.75, 1024: 0.55, 16384: 0.18},
        "batch_epochs",
        differs="the teacher's batch varies too",
    ),
    **{
        f"student_epochs_{n}": Row(
            {f"{n} student epochs": {"student_epochs": n}},
            (Value(value),),
            at={"student_steps": {"student_steps": 59 * n}},
        )
        for n, value in {1: 0.20, 40: 0.77}.items()
    },
    **{
        f"teacher_epochs_{n}": Row(
            {f"{n} teacher epochs": {"teacher_epochs": n}},
            (value,),
            at={"teacher_steps": {"teacher_steps": 59 * n}},
        )
        for n, value in {
            1: Value(0.60, to=0.63),
            2: Value(0.60, to=0.63),
            5: Value(0.55),
            20: Value(0.37),
        }.items()
    },
    **{
        f"{which}_{loss}": _losses(loss, which, value)
        for which, values in _LOSSES.items()
        for loss, value in zip(("kl", "squared_error"), values, strict=True)
    },
    **along("activation", {"relu": 0.55}, "activation"),
    **along("activation", {"tanh": 0.14}, "activation", supposed=LIBRARY),
    **along("classes", {2: 0.84, 10: 0.54}, "classes"),
    **{
        f"student_{label}": Row(
            {f"student: {label}": settings} | _HEADS,
            (Value(0.1, how=">"),),
            at={"architecture": {"student": label, "aux": 300}},
            differs="of how many auxiliary logits is not said",
            unknown="of how many auxiliary logits: 300; Perlin noise is said of the CNN alone",
        )
        for label, settings in _STUDENTS.items()
    },
    "best": Row(_BEST, (Value(0.900, 0.004),), unknown="how many models; its interval is one"),
    "probe": Row(
        {},
        said="a probe reads .874 of the untrained network, .909 of a student, .939 of a teacher",
        command="study mechanism",
    ),
    "teachers_head": Row(
        {},
        (Value(0.682),),
        said="under its teacher's class head the student has .767, under a random one .108",
        unknown=_UNSAID,
        supposed=_RATE,
    ),
    "cnn": Row(
        {},
        (Value(0.22), Value(0.10, model="cross_aux")),
        beyond="a teacher that is a convolutional network",
    ),
}
