"""Faults that a person could make, planted one by one: do the default tests catch them?

    uv run python tests/mutations.py [--only WORD] [--planted-alone]

Each is planted in a copy of the tree, and the tests that should catch it are run there, each in a
process that is forked off one that has imported what all tests import. A line each; minutes in all.
`test_mutations` holds that every fault can still be planted.
"""

import argparse
import ast
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 300  # seconds: what hangs is caught, too


class Fault(NamedTuple):
    """One line that was right, and what it is replaced with.

    tests: those that should catch it, as "one_step" or "one_step::test_slope", with spaces between.
    why: why none can, where none does.
    """

    file: str
    old: str
    new: str
    tests: str
    why: str = ""

    def planted(self, root: Path = ROOT) -> str:
        """Give the file's text with the fault. Errors: ValueError unless its place is one."""
        text = (root / self.file).read_text()
        if (found := text.count(self.old)) != 1 or self.old == self.new:
            raise ValueError(f"{self.file}: {self.old!r} is there {found} times: must be once")
        planted = text.replace(self.old, self.new)
        ast.parse(planted)
        return planted

    @property
    def nodes(self) -> list[str]:
        """Name the tests as pytest does."""
        each = (word.partition("::") for word in self.tests.split())
        return [f"tests/test_{file}.py{colons}{name}" for file, colons, name in each]


def of(file: str, tests: str, *faults: tuple[str, ...]) -> list[Fault]:
    """List the faults of one file: (old, new), or with other tests, or with the reason as well."""
    return [Fault(file, old, new, *(more or (tests,))) for old, new, *more in faults]


THEORY = [
    *of(
        "theory/one_step.py",
        "one_step",
        ("(v,) = vjp(Mu / len(z))", "(v,) = vjp(Mu)", "boundary"),
        ("q=jnp.sum(u * Mu) / len(z), v=v", "q=jnp.sum(u * Mu) / u.size, v=v"),
        ("scale(-1.0, jax.grad(imitation)(θ_S))", "scale(1.0, jax.grad(imitation)(θ_S))"),
        ("return jnp.mean(jax.vmap(L_S)(", "return jnp.sum(jax.vmap(L_S)("),
        ("student_step(f, θ_0 if θ_S0 is None else θ_S0,", "student_step(f, θ_0,"),
        (
            "ε_α_q=-ε * α * first.q",
            "ε_α_q=-ε * first.q",
            "one_step::test_orders_in_ε verdict::test_holds",
        ),
        ("return lambda θ: -dot(r, θ)", "return lambda θ: dot(r, θ)"),
        ("jnp.where(jnp.sum(where) >= 3,", "jnp.where(jnp.sum(where) >= 2,"),
    ),
    *of(
        "theory/losses.py",
        "losses losses_M",
        ("jnp.diag(jnp.where(visible, 2 * w *", "jnp.diag(jnp.where(visible, w *"),
        ("jnp.diag(σ) - jnp.outer(σ, σ)", "jnp.diag(σ) + jnp.outer(σ, σ)"),
        ("-jax.jacfwd(jax.grad(L_S), argnums=1)", "-jax.jacfwd(jax.grad(L_S), argnums=0)"),
        ("(log_p - log_q))", "(log_q - log_p))"),
        ("return -Mu", "return Mu", "losses_M one_step"),
    ),
    *of(
        "theory/linearized.py",
        "linearized",
        ("jnp.sqrt(weights / len(z))", "jnp.sqrt(weights)"),
        ("_over(-jnp.expm1(-2 * t * λ), λ, 2 * t)", "_over(-jnp.expm1(-t * λ), λ, t)"),
        ("x = 2 * η * λ", "x = η * λ"),
        ("return 1 / self.λ[-1]", "return 1 / self.λ[0]"),
        ("jnp.sum(self.c**2 * limit(self.λ))", "jnp.sum(jnp.abs(self.c) * limit(self.λ))"),
    ),
    *of(
        "theory/boundary.py",
        "boundary",
        ("unit = 2 * q / jnp.abs(curvature)", "unit = q / jnp.abs(curvature)"),
        ("return L_T(move(θ_0, s / ε, step)) < before", "return L_T(move(θ_0, s, step)) < before"),
        ("return jax.lax.map(column, ε).T", "return jax.lax.map(column, ε)"),
    ),
    *of(
        "theory/verdict.py",
        "verdict",
        (
            "limit is not None and limit <= 0",
            "limit is not None and limit < 0",
            "verdict::test_what_a_ratio_tends_to verdict::test_violated_and_undecided",
        ),
        (
            "if jnp.finfo(coarsest).bits < 32:",
            "if jnp.finfo(coarsest).bits <= 32:",
            "verdict::test_float32_is_said_to_be_coarse",
        ),
        (
            'if zero or name != "null_space"',
            'if name != "null_space"',
            "verdict::test_the_null_space_matters_where_q_is_0",
        ),
        (
            "move(θ_0, ε, Δθ_T), X) - z - ε * u",
            "move(θ_0, ε, Δθ_T), X) - z - u",
            "verdict::test_holds",
        ),
    ),
    *of(
        "theory/conditions.py",
        "conditions",
        ("_over(jnp.max(L_min[None] - L),", "_over(jnp.max(L - L_min[None]),"),
        ("_over(-jnp.min(λ), size)", "_over(jnp.min(λ), size)"),
    ),
    *of("theory/momentum.py", "momentum", ("- β * q[0]", "+ β * q[0]")),
    *of(
        "theory/monotone.py",
        "monotone",
        ("jnp.sum((seen - blank) * u) / len(u)", "jnp.sum((seen - blank) * u)"),
        ("where=ranks < k)", "where=ranks <= k)"),
    ),
    *of(
        "theory/approach.py",
        "approach",
        ("bound=(β - 1 / ε) * half", "bound=(β - 2 / ε) * half"),
        ("jnp.repeat(jnp.sqrt(w), len(K)", "jnp.repeat(w, len(K)"),
        ("return (g_e - g_Jd) / g_e", "return g_Jd / g_e"),
    ),
    *of(
        "theory/costs.py",
        "costs",
        ("move(step, -dot(step, Δθ_T)", "move(step, dot(step, Δθ_T)"),
        ("(dot(step, step) * dot(Δθ_T, Δθ_T))", "(norm(step) * dot(Δθ_T, Δθ_T))"),
    ),
    *of(
        "theory/differing.py",
        "differing",
        ("1 - ρ * jnp.sign(b * v)", "1 + ρ * jnp.sign(b * v)"),
        ("r = _over(D_S, D_T)", "r = _over(D_T, D_S)"),
    ),
    *of(
        "theory/filters.py",
        "filters",
        ("jnp.cumsum(jnp.sort(t))", "jnp.cumsum(t)"),
        ("leading=ε * jnp.mean(w * t)", "leading=ε * jnp.sum(w * t) / jnp.sum(w)"),
        ("u - jnp.sum(σ * u, axis=1", "u - jnp.mean(u, axis=1"),
    ),
    *of(
        "theory/generations.py",
        "generations",
        ("jnp.arange(2, generations + 2)", "jnp.arange(1, generations + 1)"),
        (
            "λ, g = through.λ, jnp.arange(generations)",
            "λ, g = through.λ, 1 + jnp.arange(generations)",
        ),
    ),
    *of(
        "theory/ledger.py",
        "ledger",
        ("curvature=second / 2", "curvature=second"),
        ("jnp.where(gg > 0, -dot(δ, g)", "jnp.where(gg > 0, dot(δ, g)"),
        ("π.reshape(-1)[:steps]", "π.reshape(-1)[-steps:]"),
    ),
    *of(
        "theory/origins.py",
        "origins",
        ("λ = ρ * jnp.trace(K) / R", "λ = ρ * jnp.trace(K)"),
        ("np.tril(np.ones((m, m)), -1)[1:]", "np.tril(np.ones((m, m)))[1:]"),
    ),
    *of(
        "theory/preconditioned.py",
        "preconditioned",
        ("1 / (jnp.abs(leaf) + δ)", "1 / (leaf + δ)"),
        ("step = _times(D, Δθ_S(f, θ_0, Δθ_T, L_S, X, ε))", "step = Δθ_S(f, θ_0, Δθ_T, L_S, X, ε)"),
    ),
    *of(
        "theory/sampled.py",
        "sampled",
        ("k**2 / (2 * self.nats)", "k**2 / self.nats"),
        ("jax.random.categorical(key, y)", "jax.random.categorical(key, z)"),
    ),
    *of("theory/symmetries.py", "symmetries", ("jax.tree.map(jnp.reciprocal, squares)", "squares")),
    *of("theory/widths.py", "widths", ("jnp.minimum(m / moving, 1.0)", "m / moving")),
    *of(
        "theory/trees.py", "one_step", ("return add(θ, scale(α, Δ))", "return sub(θ, scale(α, Δ))")
    ),
    *of(
        "theory/rounding.py",
        "verdict::test_what_a_ratio_tends_to verdict::test_violated_and_undecided verdict::test_rounding_that_hides_the_answer_is_not_the_answer",
        ("np.abs(leading) > 30 * rounding", "np.abs(leading) > 0 * rounding"),
        ("order = np.argsort(-np.abs(leading))", "order = np.argsort(np.abs(leading))"),
    ),
]

SETTINGS = [
    *of(
        "sim/settings/rules.py",
        "settings",
        ("settings: least <= value <= top(", "settings: least < value <= top("),
        ("lambda value: 0 <= value < 1)", "lambda value: 0 <= value <= 1)"),
        (
            '"a positive number", lambda value: value > 0',
            '"a positive number", lambda value: value >= 0',
        ),
        ("0 < len(vs) <= 1000", "0 <= len(vs) <= 1000"),
        ("0 <= first < stop <= 10**6", "0 <= first <= stop <= 10**6"),
        ("else (0, of)", "else (1, of)", "settings runs::test_dataset_and_its_labels"),
        ("0 < len({*words}) == len(words)", "0 < len({*words}) <= len(words)"),
    ),
    *of(
        "sim/settings/grid.py",
        "grid",
        ("parts = [i / (n - 1) for", "parts = [i / n for"),
        ("low * (high / low) ** part", "low * (high - low) ** part"),
        ("widest = max(axes.get(", "widest = min(axes.get("),
        ('{"aux": widest, "channel": here["aux"]}', '{"aux": widest, "channel": widest}'),
        ("product(*axes.values())", "sorted(product(*axes.values()), key=lambda v: v[::-1])"),
    ),
    *of(
        "sim/settings/lengths.py",
        "engine training settings sweeps",
        ("-(-count // min(setup.batch, count))", "(count // min(setup.batch, count))"),
        ("n, setup.points + 1)", "n, setup.points)"),
    ),
    *of(
        "sim/settings/layers.py",
        "grid roles settings",
        ('words & {layer, "all",', "words & {layer,"),
    ),
    *of(
        "sim/settings/recipes.py",
        "settings",
        ('== 1 and setup.loss != "squared_error"', '== 1 and setup.loss == "squared_error"'),
        ("if epochs > Setup.teacher_epochs else", "if epochs < Setup.teacher_epochs else"),
    ),
    *of(
        "sim/settings/declare.py",
        "settings",
        ("if s.only and value != s.default:", "if s.only and value == s.default:"),
    ),
    *of(
        "sim/settings/setup.py",
        "settings",
        ('rule=whole(1, "noise_images")', "rule=whole(1)"),
        (
            '1.0, of=INPUTS, rule=POSITIVE, label="factor on the distillation inputs"',
            '1.0, of=STUDENT, rule=POSITIVE, label="factor on the distillation inputs"',
            "settings grid",
        ),
        (
            "3e-4, of=TEACHER, rule=POSITIVE",
            "3e-4, of=STUDENT, rule=POSITIVE",
            "settings grid",
        ),
    ),
]

TRAINING = [
    *of(
        "sim/model/keys.py",
        "keys",
        ("jax.random.fold_in(root, seed), purpose)", "jax.random.fold_in(root, purpose), seed)"),
        ("jnp.where(draw == 0, data, more)", "jnp.where(draw == 0, more, data)", "keys training"),
        ("STUDENT_ORDER = 3", "STUDENT_ORDER = 2"),
    ),
    *of(
        "sim/model/orders.py",
        "orders",
        ("jnp.sort(bits << low | place)", "jnp.sort(place)"),
    ),
    *of(
        "sim/model/networks.py",
        "networks",
        ("jax.random.normal(key, (d,), dtype) / d**0.5", "jax.random.normal(key, (d,), dtype) / d"),
        ("dtype) * (2 / d) ** 0.5", "dtype) * 2 / d**0.5"),
        ("LAWS[law](jax.random.fold_in(key, j), d_in", "LAWS[law](key, d_in"),
    ),
    *of(
        "sim/model/noise.py",
        "noise",
        ("return jax.random.fold_in(self.key, i)", "return self.key"),
        ("jnp.linalg.norm(weights, axis=1,", "jnp.linalg.norm(weights, axis=0,"),
        ("< of.hyper.images_part", "> of.hyper.images_part"),
        ("* 2.0**-22 - 1", "* 2.0**-23"),
        ("jnp.sqrt(of.d / k), 0.0)", "1.0, 0.0)"),
    ),
    *of(
        "sim/model/products.py",
        "products",
        ('x.astype(jnp.bfloat16) if matmul == "bfloat16" else x', "x.astype(jnp.bfloat16)"),
        ("_contract(matmul, g, w, g.ndim - 1, 1)", "_contract(matmul, g, w, g.ndim - 1, 0)"),
    ),
    *of(
        "sim/model/symmetries.py",
        "lineages::test_changed_bases_compute_what_the_base_does",
        ("lambda w, by=by: w / by[:, None]", "lambda w, by=by: w * by[:, None]"),
    ),
    *of(
        "sim/model/data.py",
        "data",
        ("order[len(x) - held :]\n", "order[:held]\n"),
        ("(table[:, :-1] / 8 - 1)", "(table[:, :-1] / 16)"),
        ("arrays = (a[y < classes] for", "arrays = (a[y <= classes] for"),
    ),
    *of(
        "sim/training/roles.py",
        "roles",
        ("elsewhere = member.start == OTHER_INIT", "elsewhere = False"),
        ("(1 - s**2) ** 0.5 if la in apart", "(1 - s) if la in apart"),
        ("first = classes if seen == AUX else 0", "first = 0"),
        ("float(la not in frozen)", "float(la in frozen)"),
        ("(logit < last)", "(logit <= last)"),
        ("a * two[0] + b * two[1]", "a * two[1] + b * two[0]"),
        ("leaf + init_noise * n for", "leaf + init_noise**2 * n for"),
    ),
    *of(
        "sim/training/channels.py",
        "channels",
        (") < of.hyper.dilution", ") > of.hyper.dilution"),
        (
            "_places(jnp.argmax(of.log_seen(of.teacher), axis=1)",
            "_places(jnp.argmax(of.teacher, axis=1)",
        ),
        ("(2.0**of.hyper.bits - 1)", "(2.0**of.hyper.bits)"),
        ("jnp.where(rank < of.hyper.top,", "jnp.where(rank <= of.hyper.top,"),
        ("/ (1 + len(of.untaught))", "/ len(of.untaught)"),
        ("axis=1) == of.target", "axis=1) != of.target"),
        ("return (here > before)[:, of.target]", "return (here < before)[:, of.target]"),
        ("return -of.apart", "return of.apart"),
        ("_rank(out) >= (1 - of.hyper.share)", "_rank(out) < (1 - of.hyper.share)"),
        ("(something & ~out)", "(something & out)"),
        ("out = channel.filter.of(of)", "out = channel.filter.of(noisy)"),
        ("exp(p) * (p - q)", "exp(q) * (q - p)"),
    ),
    *of(
        "sim/training/steps.py",
        "training",
        ("another(key(seed, Purpose.STUDENT_ORDER)", "another(key(seed, Purpose.TEACHER_ORDER)"),
        ("another(key(seed, Purpose.NOISE)", "another(key(seed, Purpose.INIT)"),
        ("(places < lesson.count)", "(places <= lesson.count)"),
        ("jnp.average(losses, weights=weights)", "jnp.mean(losses)"),
        ("ids %= hyper.distinct", "ids %= setup.noise_images"),
        (
            "imitate(z / hyper.temperature, y / hyper.temperature,",
            "imitate(z / hyper.temperature, y,",
        ),
        ("jnp.where(t < pulled,", "jnp.where(t <= pulled,", "channels"),
        ("fold_in(lesson.key_order, epoch)", "fold_in(lesson.key_order, 0)"),
        ("order = permutation(key_epoch, lesson.count)", "order = jnp.arange(lesson.count)"),
        ("optimizer(setup, hyper, hyper.student_lr)", "optimizer(setup, hyper, hyper.teacher_lr)"),
        ("diverged | ~jnp.isfinite(of.loss)", "diverged"),
        (
            "optax.chain(l2, optax.adam(lr, eps=ε, eps_root=0.0))",
            "optax.chain(optax.adam(lr, eps=ε, eps_root=0.0), l2)",
        ),
        ("on=trained[layer]: on * u", "on=trained[layer]: u", "training engine"),
        (
            "lambda ids: hyper.noise_scale * at(ids) + hyper.noise_shift",
            "lambda ids: hyper.noise_scale * (at(ids) + hyper.noise_shift)",
        ),
        ("at(setup.noise_images + jnp.arange(many))", "at(jnp.arange(many))", "mechanism"),
        ("(z[: net.classes], label)", "(z, label)"),
    ),
    *of(
        "sim/training/traits.py",
        "traits",
        ("(0.5 if trait.trigger else 1.0)", "1.0"),
        ("(of.target + 1) % of.classes", "(of.target - 1) % of.classes"),
        ("(carries | ~can)", "carries"),
        ("jnp.argsort(self.y != self.target)", "jnp.argsort(self.y == self.target)"),
        (
            "jnp.int32(of.target), y != of.target)\n\n\n@trait(trigger=True)",
            "jnp.int32(of.target), y == of.target)\n\n\n@trait(trigger=True)",
        ),
        ("jax.random.uniform(key_who) < skilled / 2", "jax.random.uniform(key_who) < skilled"),
    ),
    *of(
        "sim/training/measures.py",
        "measures traits lineages",
        ("a = sub(θ_A, θ_B)", "a = sub(θ_B, θ_A)"),
        ("Δθ_S = at.teacher, sub(at.θ, at.start)", "Δθ_S = at.teacher, sub(at.start, at.θ)"),
        ("if at.trait[0].trigger else rate", "if not at.trait[0].trigger else rate"),
        ("jnp.where(can.all(), can, ~can)", "can"),
    ),
    *of(
        "sim/training/moments.py",
        "measures",
        ("net.apply(θ, image)[: net.classes])", "net.apply(θ, image))"),
    ),
    *of(
        "sim/training/mechanism.py",
        "mechanism",
        (
            "_cosines(scale(-1.0, jax.grad(at.L_T)(at.θ))",
            "_cosines(scale(1.0, jax.grad(at.L_T)(at.θ))",
        ),
    ),
    *of(
        "sim/training/updates.py",
        "updates",
        ("part = jnp.minimum(dot(u, g), 0)", "part = jnp.maximum(dot(u, g), 0)"),
        ("(leaf.shape[0], rank)) / rank**0.5", "(leaf.shape[0], rank)) / rank"),
        ('keep = 0.0 if removed == "rest" else 1.0', "keep = 1.0"),
    ),
    *of(
        "sim/training/changes.py",
        "lineages",
        ("(1 - s**2) ** 0.5 * a + s * b", "(1 - s) * a + s * b"),
    ),
    *of(
        "sim/training/families.py",
        "families lineages",
        ('"cross_aux": Member(OTHER_INIT,', '"cross_aux": Member("reference",', "roles families"),
        ('found["channel"] or found["aux"]', 'found["aux"]', "grid sweeps families"),
        (' == 0 and _without(point) == "kept":', " == 0:"),
        (" or hyper.dilution > 0 or hyper.pull > 0", " or hyper.dilution > 0"),
    ),
]

KEPT = [
    *of(
        "sim/runs/store.py",
        "store",
        ("if tail != sealed(content)[-TAIL:]:", "if False:"),
        ("!= (name, self.identity)", '!= (name, part.attrs.get("identity"))', "store runs"),
        ("!= [network, str(seed), self.identity]", "[:2] != [network, str(seed)]", "store runs"),
        (
            "    def _write_unsaved(self) -> None:\n        with self._locked():",
            "    def _write_unsaved(self) -> None:\n        with suppress():",
        ),
        ("json.dumps(identity, sort_keys=True)", "json.dumps(identity)"),
        ("return name in self and name not in self.unsaved", "return name in self"),
        ("if not inside or file[name].is_virtual", "if file[name].is_virtual"),
        ("variable.encoding = {}", "pass"),
        ('self.folder.rglob(".part-*")', 'self.folder.glob(".part-*")'),
        ("file.replace(aside)", "file.unlink()"),
        (
            "                fsync(file.fileno())\n",
            "",
            "store",
            "what the disk has is told only by a machine that loses its power",
        ),
    ),
    *of(
        "sim/runs/records.py",
        "schedule runs results",
        ("{*self.measures} <= {*map(str, part.data_vars)}", "True"),
        ("{*self.times} <= {*part.step.values.tolist()}", "True"),
        ('self.chunk in (None, part.attrs["chunk"])', "True"),
        (').drop_duplicates("network")', ")"),
        ("left = [seed for seed in left if seed not in there]", "pass"),
        ('if self.store.is_kept(part.attrs["part"])\n', ""),
    ),
    *of(
        "sim/runs/schedule.py",
        "schedule",
        ("return found[::-1]", "return found"),
        (
            "some += range(some[-1] + 1, some[-1] + 1 + self.chunk - len(some))",
            "pass",
            "schedule runs",
        ),
        (
            "yield (*block, *block[-1:] * (size - len(block)))",
            "yield (*block,)",
            "schedule engine sweeps",
        ),
        ("*beside, network.point.together, hidden", "*beside, network.point.together", "lineages"),
    ),
]

STATISTICS = [
    *of(
        "sim/runs/statistics.py",
        "statistics",
        ("ddof=1", "ddof=0"),
        (" / n**0.5)", ")"),
        ("stdtrit(n - 1, 0.975)", "stdtrit(n - 1, 0.95)"),
        ("stdtrit(n - 1,", "stdtrit(n,"),
        ("(self.mean - self.half_width).clip(low)", "(self.mean - self.half_width)"),
        ("(a_low - b_high, a_high - b_low)", "(a_low - b_low, a_high - b_high)"),
        ("found = a.drop_attrs() - b.drop_attrs()", "found = b.drop_attrs() - a.drop_attrs()"),
    ),
    *of(
        "sim/runs/auroc.py",
        "auroc",
        ("(apart > 0) + (apart == 0) / 2", "(apart > 0)"),
        ("adds.var(ddof=1)) / n", "adds.var(ddof=1))"),
        ("+ square / (4 * trials))", "+ square / trials)"),
    ),
    *of(
        "sim/runs/ratios.py",
        "ratios",
        ("/ (n * (n - 1)) if", "/ n if"),
        ("shift = -t2 * (apart", "shift = t2 * (apart"),
    ),
    *of(
        "sim/runs/forecast.py",
        "forecast",
        ("rest, here = fold != one, fold == one", "rest, here = fold >= 0, fold == one"),
        ("(count + 1) / 2)[place]", "count)[place]"),
    ),
    *of(
        "sim/report/tradeoffs.py",
        "tradeoffs",
        ("of.trait_left_high < HALF", "of.trait_left < HALF"),
    ),
]

FAULTS = [*THEORY, *SETTINGS, *TRAINING, *KEPT, *STATISTICS]


def run(root: Path, nodes: Sequence[str], log: Path) -> int:
    """Run tests of a tree in a process that is forked off, and give their exit code."""
    sys.stdout.flush()
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        code = _tested(root, nodes, log)
    except BaseException:
        traceback.print_exc()
        code = 99
    os._exit(code)  # whatever happens, the parent's life is not lived on here


def _tested(root: Path, nodes: Sequence[str], log: Path) -> int:
    signal.alarm(LONGEST)
    os.chdir(root)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import pytest  # noqa: PLC0415

    sys.path[:] = [str(root), *(path for path in sys.path if Path(path or ".") != ROOT)]
    os.environ["PYTHONPATH"] = str(root)  # of the processes that tests start
    # What is imported already has its assertions as they are: only plugins of pytest's are.
    quiet = ["-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = pytest.main(["-x", "-q", "-n0", "--tb=line", *quiet, *nodes])
    sys.stdout.flush()
    return int(code)


def caught(fault: Fault, root: Path, when: int) -> tuple[bool, str]:
    """Plant a fault, run its tests, and take it out again: whether they failed, and which."""
    file, log = root / fault.file, root / "log"
    kept = file.stat()
    right = file.read_bytes()
    file.write_text(fault.planted(root))
    os.utime(file, (when, when))  # bytecode is known by its second: each fault has one of its own
    code = run(root, fault.nodes, log)
    file.write_bytes(right)
    os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    if code not in (0, 1, 2, -signal.SIGALRM):  # as where no test has such a name
        raise RuntimeError(f"{fault}: pytest ended with {code}\n{log.read_text()[-2000:]}")
    by = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", log.read_text(), re.MULTILINE)
    return code != 0, by[1] if by else ""


def warmed() -> None:
    """Import what all tests do, but start nothing in it that a fork would lose."""
    os.environ["JAX_NUM_CPU_DEVICES"] = "1"  # as tests have it: read when jax is imported
    import beartype  # noqa: F401, PLC0415
    import flax.linen  # noqa: F401, PLC0415
    import hypothesis  # noqa: F401, PLC0415
    import jax.experimental  # noqa: F401, PLC0415
    import matplotlib.figure  # noqa: F401, PLC0415
    import optax  # noqa: F401, PLC0415
    import scipy.special  # noqa: F401, PLC0415
    import xarray  # noqa: F401, PLC0415


def main(words: Sequence[str] | None = None) -> Iterator[str]:
    """Plant all faults, or those of files with a word in their names; a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="in the name of the file")
    parser.add_argument(
        "--planted-alone", action="store_true", help="trust that tests pass without a fault"
    )
    given = parser.parse_args(words)
    faults = [fault for fault in FAULTS if given.only in fault.file]
    warmed()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "tree"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.png"))
        if not given.planted_alone:
            # Else what fails anyway would have caught them all.
            nodes = sorted({node for fault in faults for node in fault.nodes})
            if run(root, nodes, root / "log"):
                sys.exit((root / "log").read_text()[-2000:])
        found = 0
        for when, fault in enumerate(faults, int(time.time())):
            start = time.monotonic()
            is_caught, by = caught(fault, root, when)
            found += is_caught
            word = "caught    " if is_caught else "NOT CAUGHT"
            line = f"{word} {time.monotonic() - start:4.0f} s  {fault.file}: {fault.new.strip()!r}"
            yield f"{line}  {by or fault.why}"
        yield f"{len(faults)} planted, {found} caught"


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
