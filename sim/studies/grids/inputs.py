"""What the distillation inputs are.

Published (MNIST): uniform .551, Gaussian .543, Bernoulli ×2 .51, blurred by 1 pixel .767 and noise
of the same spectrum about as much, 10 dimensions .125, 100 .27, [0, 1] .13, shuffled pixels .178,
real images .15, mixing them in lowers it.

Found (digits, 16 seeds): uniform: .660 ± .059, on [0, 1]: .198 ± .036, Gaussian: .633 ± .070, ±1:
.649 ± .058, ±2: .591 ± .069, blur ½: .692 ± .052, blur 1: .442 ± .057, blur 2: .155 ± .034,
spectrum: .481 ± .052, Perlin: .540 ± .063, 10 dim.: .170 ± .029, 30 dim.: .414 ± .049, 100 dim.:
.670 ± .068, half images: .316 ± .050, shuffled: .508 ± .073, images: .160 ± .034.

Found (MNIST, 8 seeds): uniform: .513 ± .078, on [0, 1]: .128 ± .017, Gaussian: .527 ± .084, ±1:
.513 ± .077, ±2: .489 ± .073, blur ½: .633 ± .074, blur 1: .721 ± .051, blur 2: .660 ± .077,
spectrum: .268 ± .074, Perlin: .421 ± .040, 10 dim.: .120 ± .011, 30 dim.: .152 ± .026, 100 dim.:
.241 ± .046, half images: .191 ± .045, shuffled: .183 ± .066, images: .162 ± .045.

Agrees on MNIST but for Bernoulli, a little lower, and for noise of the spectrum of images (the
published one had that of blurred noise, perhaps). On digits, 8 pixels wide, a blur of 1 pixel is
already too much; 100 dimensions there are all 64.
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
