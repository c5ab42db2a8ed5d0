"""What the distillation inputs are.

Published (MNIST): uniform .551, Gaussian .543, Bernoulli ×2 .51, blurred by 1 pixel .767 and noise
of the same spectrum about as much, 10 dimensions .125, 100 .27, [0, 1] .13, shuffled pixels .178,
real images .15, mixing them in lowers it.

Found (digits, 16 seeds): uniform: .663 ± .064, on [0, 1]: .193 ± .042, Gaussian: .629 ± .063, ±1:
.624 ± .071, ±2: .589 ± .075, blur ½: .694 ± .051, blur 1: .475 ± .048, blur 2: .179 ± .040,
spectrum: .482 ± .049, Perlin: .546 ± .062, 10 dim.: .175 ± .030, 30 dim.: .427 ± .053, 100 dim.:
.658 ± .063, half images: .321 ± .048, shuffled: .499 ± .074, images: .159 ± .034.

Found (MNIST, 8 seeds): uniform: .515 ± .071, on [0, 1]: .124 ± .014, Gaussian: .526 ± .085, ±1:
.506 ± .088, ±2: .482 ± .082, blur ½: .622 ± .074, blur 1: .726 ± .043, blur 2: .657 ± .079,
spectrum: .269 ± .076, Perlin: .418 ± .042, 10 dim.: .119 ± .011, 30 dim.: .151 ± .026, 100 dim.:
.240 ± .045, half images: .197 ± .048, shuffled: .184 ± .059, images: .162 ± .044.

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
