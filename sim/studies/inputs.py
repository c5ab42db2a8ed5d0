"""What the distillation inputs are.

Published (MNIST): uniform .551, Gaussian .543, Bernoulli ×2 .51, blurred by 1 pixel .767 and noise
of the same spectrum about as much, 10 dimensions .125, 100 .27, [0, 1] .13, shuffled pixels .178,
real images .15, mixing them in lowers it.
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
