"""Students of another width, depth or kind, with the teacher's heads.

The heads start as the teacher's did, hidden layers independently (but for "same").
"""

_APART = {"independent": "hidden"}
AXES = {
    "student": {
        "same": {},
        "same, apart": _APART,
        "wider": {"student_widths": (512, 256)} | _APART,
        "1 layer": {"student_widths": (256,)} | _APART,
        "3 layers": {"student_widths": (256, 256, 256)} | _APART,
        "CNN": {"student_network": "cnn"} | _APART,
    },
    "aux": (3, 30, 300),
}
SETTINGS = {"noise": "perlin"}
