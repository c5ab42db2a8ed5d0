"""What is proved about subliminal learning (Cloud et al., arXiv 2507.14805, appendix C), as code.

Read in this order. The loss and one step of the student: `losses` (L_S, M), `conditions` (what the
lemma asks of L_S), `one_step` (Lemma 1, Theorem 1), `boundary` (how small is "sufficiently small"),
`verdict` (does it hold here, as far as `rounding` lets one see?). What the student is shown:
`monotone` (channels from a teacher's logits to its labels), `sampled` (one label an input),
`filters`. Where the two are not alike: `preconditioned` (one D, or Adam's two), `differing` (how
different two may be), `symmetries` (bases of one function), `costs` (steps freed of Δθ_T, a head of
the student's own). Many steps, in the lazy limit: `linearized`, `approach` (any batches, any loss),
`momentum`, `generations`, `widths` (how much a channel shows). Any training at all: `ledger` (what
each step did to L_T), `origins` (whose descendant a teacher is, by its answers). `trees` has θ as a
vector.

Everything takes any differentiable `f(θ, x) -> z`, written for one input x, and any pytree θ.
"""
