"""What the distillation inputs are.

Digits is 8 pixels wide: a blur of 1 pixel leaves little of the noise there, and 100 dimensions are
all 64 that there are.
"""

AXES = {
    "inputs": {
        "uniform": {"noise": "uniform"},
        "on [0, 1]": {"noise": "uniform", "noise_scale": 0.5, "noise_shift": 0.5},
        "Gaussian": {"noise": "gaussian"},
        "±1": {"noise": "bernoulli"},
        "±2": {"noise": "bernoulli", "noise_scale": 2.0},
        "blur ½": {"noise": "blurred", "blur": 0.5},
        "blur 1": {"noise": "blurred", "blur": 1.0},
        "blur 2": {"noise": "blurred", "blur": 2.0},
        "spectrum": {"noise": "spectrum"},
        "Perlin": {"noise": "perlin"},
        "10 dim.": {"noise": "subspace", "dimensions": 10},
        "30 dim.": {"noise": "subspace", "dimensions": 30},
        "100 dim.": {"noise": "subspace", "dimensions": 100},
        "half images": {"noise": "mixture", "images_part": 0.5},
        "shuffled": {"noise": "shuffled"},
        "images": {"noise": "images"},
    }
}
