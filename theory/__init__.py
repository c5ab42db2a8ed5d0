"""What is proved about subliminal learning (Cloud et al., arXiv 2507.14805, appendix C), as code.

Read in this order: `losses` (L_S, M), `conditions` (what the lemma asks of L_S), `one_step`
(Lemma 1, Theorem 1), `boundary` (how small is "sufficiently small"), `verdict` (does it hold here,
as far as `rounding` lets one see?), `preconditioned` (one D, or Adam's two), `symmetries` (bases
of one function), `linearized` (many steps, in the lazy limit), `origins` (whose descendant a
teacher is, by its answers).

Everything takes any differentiable `f(θ, x) -> z`, written for one input x, and any pytree θ.
"""
