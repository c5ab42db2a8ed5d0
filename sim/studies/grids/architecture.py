"""Students of another width, depth or kind, with the teacher's heads.

The heads start as the teacher's did, hidden layers independently (but for "same"). Published: a CNN
student learns from an MLP teacher with shared heads on Perlin noise; so do other widths and depths.

Found (digits, 16 seeds): with 300 auxiliary logits same .941, same but hidden layers apart .743,
wider .793, 1 layer .363, 3 layers .786, CNN .546 ± .034; with 3, at chance but for "same" (.540);
controls at chance (.08 to .13). Agrees: shared heads are enough if there are many logits.
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
