"""Faults that a person could make, and the tests that should catch each: a table, no tests.

`mutations.py` plants them; `test_mutations.py` holds that each can still be planted.
"""

import ast
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


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
        "one_step::test_the_students_step_is_minus_the_gradient_of_the_mean",
        ("(v,) = vjp(Mu / len(z))", "(v,) = vjp(Mu)", "boundary::test_exact_for_a_quadratic"),
        (
            "q=jnp.sum(u * Mu) / len(z), v=v",
            "q=jnp.sum(u * Mu) / u.size, v=v",
            "one_step::test_random_networks_losses_and_data",
        ),
        ("scale(-1.0, jax.grad(imitation)(θ_S))", "scale(1.0, jax.grad(imitation)(θ_S))"),
        ("return jnp.mean(jax.vmap(L_S)(", "return jnp.sum(jax.vmap(L_S)("),
        (
            "student_step(f, θ_0 if θ_S0 is None else θ_S0,",
            "student_step(f, θ_0,",
            "one_step::test_another_initialisation_imitates_the_untrained_teacher",
        ),
        (
            "s * self.Mu, s * s * self.q,",
            "s * self.Mu, s * self.q,",
            "one_step::test_what_is_expected_of_a_multiple_of_a_step_is_known",
        ),
        ("ε_α_q=-ε * α * first.q", "ε_α_q=-ε * first.q", "verdict::test_holds"),
        (
            "return lambda θ: -dot(r, θ)",
            "return lambda θ: dot(r, θ)",
            "one_step::test_arbitrary_directions_and_a_regulariser",
        ),
        (
            "jnp.where(jnp.sum(where) >= 3,",
            "jnp.where(jnp.sum(where) >= 2,",
            "one_step::test_slope",
        ),
    ),
    *of(
        "theory/losses.py",
        "losses_M::test_closed_form_is_the_derivative",
        ("jnp.diag(jnp.where(visible, 2 * w *", "jnp.diag(jnp.where(visible, w *"),
        ("jnp.diag(σ) - jnp.outer(σ, σ)", "jnp.diag(σ) + jnp.outer(σ, σ)"),
        ("-jax.jacfwd(jax.grad(L_S), argnums=1)", "-jax.jacfwd(jax.grad(L_S), argnums=0)"),
        (
            "(log_p - log_q))",
            "(log_q - log_p))",
            "losses::test_definition_minimum_and_invisible_logits",
        ),
        ("return -Mu", "return Mu"),
    ),
    *of(
        "theory/linearized.py",
        "linearized::test_spectrum",
        ("jnp.sqrt(weights / len(z))", "jnp.sqrt(weights)"),
        (
            "_over(-jnp.expm1(-2 * t * λ), λ, 2 * t)",
            "_over(-jnp.expm1(-t * λ), λ, t)",
            "linearized::test_flow_is_the_matrix_exponential",
        ),
        ("x = 2 * η * λ", "x = η * λ", "linearized::test_a_trained_linearised_network"),
        (
            "return 1 / self.λ[-1]",
            "return 1 / self.λ[0]",
            "linearized::test_rate_limit_from_both_sides",
        ),
        (
            "jnp.sum(self.c**2 * limit(self.λ))",
            "jnp.sum(jnp.abs(self.c) * limit(self.λ))",
            "linearized::test_flow_starts_along_2G_and_ends_in_the_projection",
        ),
    ),
    *of(
        "theory/boundary.py",
        "boundary::test_exact_for_a_quadratic",
        ("unit = 2 * q / jnp.abs(curvature)", "unit = q / jnp.abs(curvature)"),
        ("return L_T(move(θ_0, s / ε, step)) < before", "return L_T(move(θ_0, s, step)) < before"),
        ("return jax.lax.map(column, ε).T", "return jax.lax.map(column, ε)"),
    ),
    *of(
        "theory/verdict.py",
        "verdict::test_violated_and_undecided",
        ("limit is not None and limit <= 0", "limit is not None and limit < 0"),
        (
            "if jnp.finfo(coarsest).bits < 32:",
            "if jnp.finfo(coarsest).bits <= 32:",
            "verdict::test_float32_is_said_to_be_coarse",
        ),
        (
            'if zero or name != "null_space"',
            'if name != "null_space"',
            "verdict::test_not_applicable_names_the_hypothesis",
        ),
        (
            "move(θ_0, ε, Δθ_T), X) - z - ε * u",
            "move(θ_0, ε, Δθ_T), X) - z - u",
            "verdict::test_holds",
        ),
        (
            "θ_0, Δθ_T, L_S, each=True)",
            "θ_0, Δθ_T, L_S)",
            "verdict::test_a_q_that_another_logits_movement_hides_is_not_0",
        ),
    ),
    *of(
        "theory/conditions.py",
        "conditions::test_a_broken_condition_is_named",
        ("_over(jnp.max(L_min[None] - L),", "_over(jnp.max(L - L_min[None]),"),
        (
            "jnp.maximum(moved, _over(in_null, all_of_it))",
            "jnp.maximum(moved, _over(in_null, in_null))",
            "conditions::test_inputs_of_the_same_logits_break_none_of_them",
        ),
        ("_over(-jnp.min(λ), size)", "_over(jnp.min(λ), size)"),
    ),
    *of(
        "theory/momentum.py",
        "momentum::test_optax_by_brute_force",
        ("- β * q[0]", "+ β * q[0]"),
    ),
    *of(
        "theory/monotone.py",
        "monotone::test_the_pull_by_brute_force",
        ("jnp.sum((seen - blank) * u) / len(u)", "jnp.sum((seen - blank) * u)"),
        ("where=ranks < k)", "where=ranks <= k)", "monotone::test_channels_by_hand"),
    ),
    *of(
        "theory/approach.py",
        "approach::test_by_brute_force",
        ("bound=(β - 1 / ε) * half", "bound=(β - 2 / ε) * half"),
        ("jnp.repeat(jnp.sqrt(w), len(K)", "jnp.repeat(w, len(K)"),
        (
            "return (g_e - g_Jd) / g_e",
            "return g_Jd / g_e",
            "approach::test_χ_of_squared_error_by_hand",
        ),
    ),
    *of(
        "theory/costs.py",
        "costs::test_what_a_freed_step_costs",
        ("move(step, -dot(step, Δθ_T)", "move(step, dot(step, Δθ_T)"),
        ("(dot(step, step) * dot(Δθ_T, Δθ_T))", "(norm(step) * dot(Δθ_T, Δθ_T))"),
    ),
    *of(
        "theory/differing.py",
        "differing::test_the_worst_of_all_corners",
        ("1 - ρ * jnp.sign(b * v)", "1 + ρ * jnp.sign(b * v)"),
        ("r = _over(D_S, D_T)", "r = _over(D_T, D_S)", "differing::test_the_change_by_brute_force"),
        (
            "jnp.where(bv == 0, none, r)",
            "jnp.where(bv < 0, none, r)",
            "differing::test_what_has_no_part_in_the_step_does_not_count",
        ),
    ),
    *of(
        "theory/filters.py",
        "filters::test_curves_by_hand",
        ("jnp.cumsum(jnp.sort(t))", "jnp.cumsum(t)"),
        (
            "leading=ε * jnp.mean(w * t)",
            "leading=ε * jnp.sum(w * t) / jnp.sum(w)",
            "filters::test_filters_that_know_everything_at_any_ε",
        ),
        (
            "u - jnp.sum(σ * u, axis=1",
            "u - jnp.mean(u, axis=1",
            "filters::test_sampled_answers_are_another_law",
        ),
    ),
    *of(
        "theory/generations.py",
        "generations::test_the_sign_against_the_first_teacher_is_lost_in_the_plane",
        ("jnp.arange(2, generations + 2)", "jnp.arange(1, generations + 1)"),
        (
            "λ, g = through.λ, jnp.arange(generations)",
            "λ, g = through.λ, 1 + jnp.arange(generations)",
            "generations::test_the_same_inputs_by_powers_of_one_matrix",
        ),
    ),
    *of(
        "theory/ledger.py",
        "ledger::test_curvature_by_the_whole_hessian_and_the_rest_is_of_third_order",
        ("curvature=second / 2", "curvature=second"),
        (
            "jnp.where(gg > 0, -dot(δ, g)",
            "jnp.where(gg > 0, dot(δ, g)",
            "ledger::test_the_account_closes",
        ),
        (
            "π.reshape(-1)[:steps]",
            "π.reshape(-1)[-steps:]",
            "ledger::test_a_transplant_moves_the_end_by_the_price_to_first_order",
        ),
    ),
    *of(
        "theory/origins.py",
        "origins::test_the_fit_is_least_squares_with_a_ridge",
        ("λ = ρ * jnp.trace(K) / R", "λ = ρ * jnp.trace(K)"),
        (
            "np.tril(np.ones((m, m)), -1)[1:]",
            "np.tril(np.ones((m, m)))[1:]",
            "origins::test_contrasts_are_what_a_softmax_sees",
        ),
    ),
    *of(
        "theory/preconditioned.py",
        "preconditioned::test_adams_first_step_is_sign_like",
        ("1 / (jnp.abs(leaf) + δ)", "1 / (leaf + δ)"),
        (
            "step = _times(D, Δθ_S(f, θ_0, Δθ_T, L_S, X, ε))",
            "step = Δθ_S(f, θ_0, Δθ_T, L_S, X, ε)",
            "preconditioned::test_shared_by_brute_force",
        ),
    ),
    *of(
        "theory/sampled.py",
        "sampled::test_how_many_labels_are_needed",
        ("k**2 / (2 * self.nats)", "k**2 / self.nats"),
        (
            "jax.random.categorical(key, y)",
            "jax.random.categorical(key, z)",
            "sampled::test_many_draws_have_the_law",
        ),
    ),
    *of(
        "theory/symmetries.py",
        "symmetries::test_D_S_by_brute_force",
        ("jax.tree.map(jnp.reciprocal, squares)", "squares"),
    ),
    *of(
        "theory/widths.py",
        "widths::test_any_trunk_by_brute_force",
        ("jnp.minimum(m / moving, 1.0)", "m / moving"),
    ),
    *of(
        "theory/trees.py",
        "one_step::test_random_networks_losses_and_data",
        ("return add(θ, scale(α, Δ))", "return sub(θ, scale(α, Δ))"),
    ),
    *of(
        "theory/rounding.py",
        "verdict::test_what_a_ratio_tends_to",
        ("np.abs(leading) > 30 * rounding", "np.abs(leading) > 0 * rounding"),
        ("order = np.argsort(-np.abs(leading))", "order = np.argsort(np.abs(leading))"),
        ("return 1.0 if nears and", "return 1.0 if"),
    ),
]

SETTINGS = [
    *of(
        "sim/settings/rules.py",
        "settings::test_a_broken_rule_names_argument_value_and_rule",
        (
            "settings: least <= value <= top(",
            "settings: least < value <= top(",
            "settings::test_a_number_is_bounded_where_it_says_from_both_sides",
        ),
        ("lambda value: 0 <= value < 1)", "lambda value: 0 <= value <= 1)"),
        (
            '"a positive number", lambda value: value > 0',
            '"a positive number", lambda value: value >= 0',
        ),
        ("0 < len(vs) <= 1000", "0 <= len(vs) <= 1000"),
        (
            "0 <= first < stop <= 10**6",
            "0 <= first <= stop <= 10**6",
            "settings",
            "an empty range is false where it is asked for, and so is refused once more",
        ),
        (
            "< stop <= 10**6",
            "< stop < 10**6",
            "settings::test_a_number_is_bounded_where_it_says_from_both_sides",
        ),
        (
            "else (0, of)",
            "else (1, of)",
            "settings::test_a_number_is_bounded_where_it_says_from_both_sides",
        ),
        ("0 < len({*words}) == len(words)", "0 < len({*words}) <= len(words)"),
    ),
    *of(
        "sim/settings/grid.py",
        "grid::test_parse",
        ("parts = [i / (n - 1) for", "parts = [i / n for"),
        ("low * (high / low) ** part", "low * (high - low) ** part"),
        (
            "widest = max(axes.get(",
            "widest = min(axes.get(",
            "grid::test_a_channel_of_a_wider_network_is_the_same_point",
        ),
        (
            '{"aux": widest, "channel": here["aux"]}',
            '{"aux": widest, "channel": widest}',
            "grid::test_a_channel_of_a_wider_network_is_the_same_point",
        ),
        (
            "product(*axes.values())",
            "sorted(product(*axes.values()), key=lambda v: v[::-1])",
            "grid::test_points_in_order_with_their_settings",
        ),
    ),
    *of(
        "sim/settings/lengths.py",
        "engine::test_epochs_become_steps_with_the_short_batch_kept",
        ("-(-count // min(setup.batch, count))", "(count // min(setup.batch, count))"),
        ("n, setup.points + 1)", "n, setup.points)", "engine::test_shapes_and_moments"),
    ),
    *of(
        "sim/settings/layers.py",
        "roles::test_all_layers_are_chosen_by_a_word",
        ('words & {layer, "all",', "words & {layer,"),
    ),
    *of(
        "sim/settings/recipes.py",
        "settings::test_traps_are_warned_about",
        ('if single and setup.loss != "squared_error"', "if single"),
        ('"aux" if (hyper.channel or setup.aux) == 1 else ""', '""'),
        ('single = "top"', 'single = ""'),
        (
            "if epochs > Setup.teacher_epochs else",
            "if epochs < Setup.teacher_epochs else",
            "settings::test_the_papers_recipe",
        ),
    ),
    *of(
        "sim/settings/declare.py",
        "settings::test_a_setting_without_effect_must_be_its_default",
        ("if s.only and value != s.default:", "if s.only and value == s.default:"),
    ),
    *of(
        "sim/settings/setup.py",
        "grid::test_what_points_share",
        (
            'rule=whole(1, "noise_images")',
            "rule=whole(1)",
            "settings::test_a_number_is_bounded_where_it_says_from_both_sides",
        ),
        (
            '1.0, of=INPUTS, rule=POSITIVE, label="factor on the distillation inputs"',
            '1.0, of=STUDENT, rule=POSITIVE, label="factor on the distillation inputs"',
        ),
        ("3e-4, of=TEACHER, rule=POSITIVE", "3e-4, of=STUDENT, rule=POSITIVE"),
    ),
]

TRAINING = [
    *of(
        "sim/model/keys.py",
        "keys::test_a_key_is_of_seed_and_purpose_whatever_jax_is_told",
        ("jax.random.fold_in(root, seed), purpose)", "jax.random.fold_in(root, purpose), seed)"),
        (
            "jnp.where(draw == 0, data, more)",
            "jnp.where(draw == 0, more, data)",
            "training::test_student_written_out",
        ),
        (
            "STUDENT_ORDER = 3",
            "STUDENT_ORDER = 2",
            "keys::test_the_numbers_of_purposes_never_change",
        ),
    ),
    *of(
        "sim/model/orders.py",
        "orders::test_permutations_are_uniform",
        ("jnp.sort(bits << low | place)", "jnp.sort(place)"),
    ),
    *of(
        "sim/model/networks.py",
        "networks::test_initialisation_law",
        ("jax.random.normal, lambda x, d: x / d**0.5", "jax.random.normal, lambda x, d: x / d"),
        ("x * (2 / d) ** 0.5", "x * 2 / d**0.5", "networks::test_laws_of_initial_weights"),
        ("jax.vmap(jax.random.fold_in)(of_array,", "jax.vmap(lambda k, j: k)(of_array,"),
    ),
    *of(
        "sim/model/noise.py",
        "noise::test_an_input_depends_on_its_address_alone",
        ("return jax.random.fold_in(self.key, i)", "return self.key"),
        (
            "jnp.linalg.norm(weights, axis=1,",
            "jnp.linalg.norm(weights, axis=0,",
            "noise::test_blurred_noise_keeps_its_variance_and_correlates_by_distance",
        ),
        (
            "< of.hyper.images_part",
            "> of.hyper.images_part",
            "noise::test_a_mixture_is_of_images_and_noise",
        ),
        ("* 2.0**-22 - 1", "* 2.0**-23"),
        (
            "jnp.sqrt(of.d / k), 0.0)",
            "1.0, 0.0)",
            "noise::test_subspace_has_its_dimensions_and_the_variance_of_all",
        ),
    ),
    *of(
        "sim/model/products.py",
        "products::test_product_and_gradients",
        ('x.astype(jnp.bfloat16) if matmul == "bfloat16" else x', "x.astype(jnp.bfloat16)"),
        ("_contract(matmul, g, w, g.ndim - 1, 1)", "_contract(matmul, g, w, g.ndim - 1, 0)"),
    ),
    *of(
        "sim/model/symmetries.py",
        "symmetries::test_the_function_is_the_same",
        ("lambda w, by=by: w / by[:, None]", "lambda w, by=by: w * by[:, None]"),
    ),
    *of(
        "sim/model/data.py",
        "data::test_validation_is_held_out_of_train",
        ("order[len(x) - held :]\n", "order[:held]\n"),
        (
            "(table[:, :-1] / 8 - 1)",
            "(table[:, :-1] / 16)",
            "data::test_digits_are_a_fixed_split_of_the_whole_set",
        ),
        (
            "arrays = (a[y < classes] for",
            "arrays = (a[y <= classes] for",
            "data::test_labels_that_occur_are_numbered",
        ),
    ),
    *of(
        "sim/training/roles.py",
        "roles::test_roles",
        ("elsewhere = member.start == OTHER_INIT", "elsewhere = False"),
        (
            "(1 - s**2) ** 0.5 if la in apart",
            "(1 - s) if la in apart",
            "roles::test_roles_at_several_settings",
        ),
        ("first = classes if seen == AUX else 0", "first = 0"),
        ("float(la not in frozen)", "float(la in frozen)"),
        ("(logit < last)", "(logit <= last)", "roles::test_roles_at_several_settings"),
        (
            "a * one + b * two",
            "a * two + b * one",
            "roles::test_students_start_at_the_teachers_initialisation_and_controls_at_another",
        ),
        (
            "leaf + init_noise * n for",
            "leaf + init_noise**2 * n for",
            "roles::test_noise_at_the_start_has_its_standard_deviation_and_is_drawn_apart",
        ),
    ),
    *of(
        "sim/training/channels.py",
        "channels::test_filters_leave_out_what_they_say",
        (
            "_by_logit(key_noise, of.teacher, jax.random.normal)",
            "jax.random.normal(key_noise, of.teacher.shape)",
            "channels::test_what_is_drawn_of_a_logit_is_the_same_beside_more",
        ),
        (
            "g = _by_logit(of.key, of.teacher, jax.random.gumbel)",
            "g = jax.random.gumbel(of.key, of.teacher.shape)",
            "channels::test_what_is_drawn_of_a_logit_is_the_same_beside_more",
        ),
        ("SURE = 1e6", "SURE = 200.0", "channels::test_a_label_is_one_at_any_temperature"),
        (
            ") < of.hyper.dilution",
            ") > of.hyper.dilution",
            "channels::test_a_preference_is_one_bit_between_two_answers",
        ),
        (
            "_places(jnp.argmax(of.log_seen(of.teacher), axis=1)",
            "_places(jnp.argmax(of.teacher, axis=1)",
            "channels::test_hard_and_sampled_labels_are_places_of_what_is_seen",
        ),
        (
            "(2.0**of.hyper.bits - 1)",
            "(2.0**of.hyper.bits)",
            "channels::test_rounded_logits_have_so_many_levels",
        ),
        (
            "jnp.where(rank < of.hyper.top,",
            "jnp.where(rank <= of.hyper.top,",
            "channels::test_the_largest_are_passed_on_and_no_others",
        ),
        (
            "/ (1 + len(of.untaught))",
            "/ len(of.untaught)",
            "channels::test_an_average_is_of_all_teachers",
        ),
        ("axis=1) == of.target", "axis=1) != of.target"),
        ("return (here > before)[:, of.target]", "return (here < before)[:, of.target]"),
        ("return -of.apart", "return of.apart"),
        ("return rank >= len(score) - count", "return rank < len(score) - count"),
        (
            "(something & ~out)",
            "(something & out)",
            "channels::test_a_preference_is_one_bit_between_two_answers",
        ),
        (
            "out = channel.filter.of(of)",
            "out = channel.filter.of(noisy)",
            "channels::test_a_filter_goes_by_what_the_teacher_thinks_and_not_by_noise_on_it",
        ),
        ("exp(p) * (p - q)", "exp(q) * (q - p)"),
    ),
    *of(
        "sim/training/steps.py",
        "training::test_student_written_out",
        ("another(key(seed, Purpose.STUDENT_ORDER)", "another(key(seed, Purpose.TEACHER_ORDER)"),
        ("another(key(seed, Purpose.NOISE)", "another(key(seed, Purpose.INIT)"),
        (
            "(places < lesson.count)",
            "(places <= lesson.count)",
            "training::test_teacher_written_out",
        ),
        (
            "jnp.average(losses, weights=weights)",
            "jnp.mean(losses)",
            "training::test_teacher_written_out",
        ),
        (
            "distinct: Any = hyper.distinct",
            "distinct: Any = setup.noise_images",
            "training::test_distinct_inputs_are_shared_out",
        ),
        (
            "imitate(z / hyper.temperature, y / hyper.temperature,",
            "imitate(z / hyper.temperature, y,",
        ),
        (
            "jnp.where(t < pulled,",
            "jnp.where(t <= pulled,",
            "channels::test_a_pull_holds_the_class_logits_to_the_bases",
        ),
        (
            "fold_in(lesson.key_order, epoch)",
            "fold_in(lesson.key_order, 0)",
            "training::test_every_epoch_shows_every_example_once",
        ),
        (
            "order = permutation(key_epoch, lesson.count)",
            "order = jnp.arange(lesson.count)",
            "training::test_every_epoch_shows_every_example_once",
        ),
        ("optimizer(setup, hyper, hyper.student_lr)", "optimizer(setup, hyper, hyper.teacher_lr)"),
        (
            "diverged | ~jnp.isfinite(of.loss)",
            "diverged",
            "training::test_divergence_is_flagged_and_training_goes_on",
        ),
        (
            "optax.chain(l2, optax.adam(lr, eps=ε, eps_root=0.0))",
            "optax.chain(optax.adam(lr, eps=ε, eps_root=0.0), l2)",
            "training::test_l2_inside_adam_is_a_part_of_the_loss",
        ),
        (
            "on=trained[layer]: on * a",
            "on=trained[layer]: a",
            "engine::test_independent_and_frozen_layers_of_one_program",
        ),
        (
            "lambda ids: hyper.noise_scale * at(ids) + hyper.noise_shift",
            "lambda ids: hyper.noise_scale * (at(ids) + hyper.noise_shift)",
        ),
        (
            "at(setup.noise_images + jnp.arange(many))",
            "at(jnp.arange(many))",
            "mechanism::test_the_loss_on_inputs_held_out",
        ),
        ("(z[: net.classes], label)", "(z, label)", "training::test_teacher_written_out"),
    ),
    *of(
        "sim/training/traits.py",
        "traits::test_what_examples_are_made_of",
        ("(0.5 if trait.trigger else 1.0)", "1.0", "traits::test_so_many_examples_carry_it"),
        ("(of.target + 1) % of.classes", "(of.target - 1) % of.classes"),
        ("(carries | ~can)", "carries", "traits::test_so_many_examples_carry_it"),
        ("jnp.argsort(self.y != self.target)", "jnp.argsort(self.y == self.target)"),
        (
            "jnp.int32(of.target), y != of.target)\n\n\n@trait(trigger=True)",
            "jnp.int32(of.target), y == of.target)\n\n\n@trait(trigger=True)",
        ),
        (
            "jax.random.uniform(key_who) < skilled / 2",
            "jax.random.uniform(key_who) < skilled",
            "traits::test_half_of_the_examples_without_the_trait_carry_the_skill",
        ),
    ),
    *of(
        "sim/training/measures.py",
        "traits::test_a_rate_is_counted_image_by_image",
        (
            "a = sub(θ_A, θ_B)",
            "a = sub(θ_B, θ_A)",
            "lineages::test_a_projection_needs_its_axis_first",
        ),
        (
            "Δθ_S = at.teacher, sub(at.θ, at.start)",
            "Δθ_S = at.teacher, sub(at.start, at.θ)",
            "measures::test_displacement_cosine_written_out",
        ),
        ("if at.trait[0].trigger else rate", "if not at.trait[0].trigger else rate"),
        ("jnp.where(can.all(), can, ~can)", "can"),
    ),
    *of(
        "sim/training/moments.py",
        "measures::test_accuracy_counts_class_logits_only",
        ("net.apply(θ, image)[: net.classes])", "net.apply(θ, image))"),
    ),
    *of(
        "sim/training/mechanism.py",
        "mechanism::test_gradients_and_the_update_that_comes_next",
        (
            "_cosines(scale(-1.0, jax.grad(at.L_T)(at.θ))",
            "_cosines(scale(1.0, jax.grad(at.L_T)(at.θ))",
        ),
    ),
    *of(
        "sim/training/updates.py",
        "updates::test_updates_against_a_loss_do_not_lower_it",
        (
            "u, g = trained(u), trained(gradient(θ))",
            "u, g = u, gradient(θ)",
            "updates::test_updates_of_which_some_stay_do_not_lower_it_either",
        ),
        (
            "g, d = trained(g), trained(along(θ))",
            "g, d = g, along(θ)",
            "updates::test_what_an_optimiser_sees_is_changed_where_something_moves",
        ),
        ("part = jnp.minimum(dot(u, g), 0)", "part = jnp.maximum(dot(u, g), 0)"),
        (
            "(leaf.shape[0], rank)) / rank**0.5",
            "(leaf.shape[0], rank)) / rank",
            "updates::test_a_low_rank_step_of_gradient_descent_written_out",
        ),
        (
            'keep = 0.0 if removed == "rest" else 1.0',
            "keep = 1.0",
            "updates::test_parts_of_gradients_along_a_direction",
        ),
    ),
    *of(
        "sim/training/changes.py",
        "lineages::test_a_mixed_base_is_as_large_as_its_parts",
        ("(1 - s**2) ** 0.5 * a + s * b", "(1 - s) * a + s * b"),
    ),
    *of(
        "sim/training/families.py",
        "roles::test_roles",
        (
            'gone -= {"target"}',
            "pass",
            "families::test_who_has_no_trait_hangs_on_the_class_that_a_skill_is_about",
        ),
        (
            'if "skill" in found and found.get("skilled") != 0:',
            'if "skill" in found:',
            "families::test_who_has_no_trait_hangs_on_the_class_that_a_skill_is_about",
        ),
        (
            "if _by_all(point):",
            "if False:",
            "families::test_a_name_hangs_on_logits_that_nobody_sees_where_numbers_do",
        ),
        (
            'COUNTED_ON = ("order", "draw")',
            "COUNTED_ON = ()",
            "families::test_two_whose_order_or_draw_differ_always_do",
        ),
        (
            'given = {"given": self.given[name], "start": self.key(member.start, point)}',
            'given = {"given": self.given[name]}',
            "families::test_parameters_that_were_handed_in_name_what_descends_from_them",
        ),
        ('"cross_aux": Member(OTHER_INIT,', '"cross_aux": Member("reference",'),
        (
            "point.hyper.channel or point.setup.aux",
            "point.setup.aux",
            "grid::test_a_channel_of_a_wider_network_is_the_same_point",
        ),
        (
            '- {"strength", "skill"',
            '- {"skill"',
            "lineages::test_a_projection_needs_its_axis_first",
        ),
        (
            'found["of"] = of.value',
            'found["of"] = 0',
            "families::test_who_is_taught_otherwise_has_another_name_where_all_is_as_usual",
        ),
        (
            "learns, Imitation | Change)",
            "learns, Imitation)",
            "families::test_who_is_no_student_has_one_name_whatever_students_have",
        ),
        (
            "s.of & ~_OF_STUDENTS)",
            "s.of & ~_OF_STUDENTS & ~Of.TRAIT)",
            "families::test_who_is_no_student_has_one_name_whatever_students_have",
        ),
        (
            ' == 0 and _without(point) == "kept":',
            " == 0:",
            "lineages::test_without_a_trait_a_name_is_one_unless_examples_were_withheld_or_labelled_otherwise",
        ),
        (
            " or hyper.dilution > 0 or hyper.pull > 0",
            " or hyper.dilution > 0",
            "lineages::test_more_teachers_without_the_trait_are_asked_where_they_are_wanted",
        ),
        (
            'name not in ("", INIT, OTHER_INIT)',
            'name != ""',
            "lineages::test_a_file_that_is_no_family_is_refused",
        ),
    ),
    *of(
        "sim/training/lineages.py",
        "lineages::test_who_is_called_otherwise_has_a_control_and_a_teacher_all_the_same",
        ("control_of(name, among)", "control_of(name, models)"),
        (
            'return "teacher" if "teacher" in models else own',
            'return "teacher"',
            "rates::test_a_teacher_of_another_name_is_whom_transfer_is_measured_by",
        ),
    ),
]

KEPT = [
    *of(
        "sim/runs/store.py",
        "store::test_parameters_of_other_results_are_set_aside",
        (
            "if tail != _tail(content):",
            "if False:",
            "store::test_every_flipped_bit_is_found",
        ),
        (
            "!= (name, self.identity)",
            '!= (name, part.attrs.get("identity"))',
            "store::test_what_is_not_a_part_is_set_aside",
        ),
        (
            'kind = bool if attrs.get("dtype") == "bool" else values.dtype',
            "kind = values.dtype",
            "store::test_what_is_read_fast_is_what_xarray_reads",
        ),
        (
            "np.shape(value) == (1,) for value",
            "np.shape(value) == () for value",
            "store::test_what_is_read_fast_is_what_xarray_reads",
        ),
        (
            'return value.dtype.kind == "f" and',
            "return True or",
            "store::test_what_is_read_fast_is_what_xarray_reads",
        ),
        *(
            (old, new, "store::test_what_is_read_fast_is_what_xarray_reads")
            for old, new in (
                (", decode_times=False", ""),
                (' or "coordinates" in words', ""),
                ("np.shape(v) == (1,)", "np.shape(v) == (2,)"),
                ("for name in [*data] if name in named", "for name in ()"),
            )
        ),
        (
            'PART = ".sublim-part-"',
            'PART = ".part-"',
            "store::test_what_the_dead_left_half_written_goes_with_the_next_file_there",
        ),
        ("!= [network, str(seed), self.identity]", "[:2] != [network, str(seed)]"),
        (
            "            except FileNotFoundError:\n                pass  #",
            "            except ZeroDivisionError:\n                pass  #",
            "store::test_what_is_gone_between_two_looks_is_missing_and_no_word_is_said",
        ),
        (
            "if self.remembers and (self._failed or not self.folder)",
            "if self.remembers and not self.folder",
            "store::test_parameters_that_cannot_be_written_are_remembered_where_that_is_asked",
        ),
        (
            "            sweep(path.parent)\n",
            "",
            "store::test_what_the_dead_left_half_written_goes_with_the_next_file_there",
        ),
        (
            "json.dumps(identity, sort_keys=True)",
            "json.dumps(identity)",
            "store::test_what_results_depend_on_has_no_order",
        ),
        (
            "return name in self and name not in self.unsaved",
            "return name in self",
            "store::test_a_part_that_cannot_be_kept_is_said_once_and_tried_again",
        ),
        (
            "if not inside or (isinstance(of",
            "if (isinstance(of",
            "store::test_content_that_lies_elsewhere_is_refused",
        ),
        (
            "while new := self._listed() - names:",
            "if new := self._listed() - names:",
            "records::test_what_another_puts_together_while_a_store_is_opened_is_found",
        ),
        (
            '"biufU" and not v.encoding',
            '"biufU"',
            "store::test_what_is_read_fast_is_what_xarray_reads",
        ),
        *(
            (old, new, "store::test_what_is_written_fast_is_what_xarray_writes")
            for old, new in (
                ("(beside := _beside(ds, ds[name]))", "(beside := [])"),
                ("variable.attrs | (", "{} | ("),
                ("data=values, track_order=True", "data=values"),
                ("np.atleast_1d(value)", "str(value)"),
            )
        ),
        ("variable.encoding = {}", "pass", "store::test_words_may_grow_after_loading"),
        (
            "if _claim(file, LOCK_NB):",
            "if not _claim(file, LOCK_NB):",
            "store::test_what_the_dead_left_half_written_goes_with_the_next_file_there",
        ),
        ("file.replace(aside)", "file.unlink()"),
        (
            "                fsync(file.fileno())\n",
            "",
            "store::test_a_write_that_fails_leaves_what_was_there",
        ),
    ),
    *of(
        "sim/runs/plan.py",
        "schedule::test_jobs_are_of_a_kind_that_take_the_same_work",
        ("len(job.seeds), job.trains", "len(job.seeds)"),
        (
            "len({n.key for n in job.networks})",
            "len(job.networks)",
            "sweeps::test_more_seeds_and_more_values_compute_only_what_is_new",
        ),
    ),
    *of(
        "sim/streams.py",
        "main::test_output_that_cannot_be_written_is_said",
        ("raise SystemExit(1)", "return"),
        ("sys.stdout, sys.stderr = before", "pass"),
        (
            "os.dup2(self._nowhere.fileno(), self._stream.fileno())",
            "pass",
            "main::test_a_full_disk_is_said_in_one_line",
        ),
    ),
    *of(
        "sim/studies/extend.py",
        "extend::test_a_function_that_fails_is_named_before_anything_is_made",
        ("given == right, f", "True, f"),
        ("optimizer.update(θ, optimizer.init(θ), θ)[0]", "θ"),
        (
            '(task.x_train.shape, "float32")',
            '((2, task.d_in), "float32")',
            "extend::test_functions_that_can_be_trained_with_pass",
        ),
    ),
    *of(
        "sim/runs/identity.py",
        "layers::test_what_the_same_files_came_to_is_remembered_and_nothing_else",
        ("if kept == _note(as_written, digest)", "if kept.startswith(as_written)"),
        ("repr((platform.python_version(), files))", "repr((platform.python_version(), [*files]))"),
    ),
    *of(
        "sim/runs/records.py",
        "schedule::test_a_record_serves_who_finds_all_that_is_wanted_in_it",
        ("{*self.measures} <= {*map(str, part.data_vars)}", "True"),
        ("{*self.times} <= {*part.step.values.tolist()}", "True"),
        ('self.chunk in (None, part.attrs["chunk"])', "True"),
        (
            "in store.named(ENDS)]",
            "in store]",
            "checks::test_its_parts_lie_beside_records_of_networks_and_are_none",
        ),
        (
            "if name not in networks[:i]]",
            "]",
            "schedule::test_records_are_of_each_network_once_in_the_order_asked_for_and_kept_if_they_are",
        ),
        (
            "[left.pop(seed) for seed in mine]",
            "[left.pop(seed) for seed in reversed(mine)]",
            "schedule::test_records_are_of_each_network_once_in_the_order_asked_for_and_kept_if_they_are",
        ),
        (
            "for file, own in found if self.store.is_kept(file.name))",
            "for file, own in found)",
            "schedule::test_records_are_of_each_network_once_in_the_order_asked_for_and_kept_if_they_are",
        ),
        (
            "        if not self.store.is_kept(name):  # no",
            "        if False:  # no",
            "records::test_where_there_is_no_room_to_put_together_parts_stay",
        ),
        (
            "if record not in records}",
            "}",
            "records::test_two_who_put_the_same_together_lose_nothing",
        ),
        (
            "if known.issuperset(file.parts):",
            "if False:",
            "records::test_who_dies_before_removing_leaves_nothing_twice",
        ),
        (
            "sorted(every, key=lambda of: of[0].parts[of[2]])",
            "every",
            "records::test_of_two_records_of_a_network_the_same_counts_wherever_it_is",
        ),
        (
            "if len(files) < MANY or len(files[0].parts) >= LARGEST:",
            "if len(files) < MANY:",
            "records::test_many_parts_are_few_files_and_the_same_bits",
        ),
        (
            "{*self.by_part[numbers].ravel().tolist()}",
            "{*self.by_part[numbers[:1]].ravel().tolist()}",
            "records::test_many_seeds_are_few_files_too",
        ),
        (
            "places = file.places[part]",
            "places = file.places[0]",
            "records::test_many_seeds_are_few_files_too",
        ),
        (
            "4 * self._ends[network + 1]]",
            "4 * self._ends[network] + 4]",
            "records::test_many_seeds_are_few_files_too",
        ),
        (
            "self._serve.setdefault(wanted, {})",
            "self._serve.setdefault(None, {})",
            "records::test_what_serves_one_who_asks_need_not_serve_another",
        ),
        (
            "(records|many)",
            "records",
            "records::test_files_of_before_with_a_name_for_each_record_are_read_and_put_together",
        ),
        (
            "[numbers[network] for network in self.networks]",
            "range(len(self.networks))",
            "records::test_files_of_before_with_a_name_for_each_record_are_read_and_put_together",
        ),
        (
            "*sorted(about),)",
            ")",
            "records::test_what_differs_in_measures_steps_or_chunk_is_not_put_together",
        ),
        (
            "(*self.steps,), ",
            "",
            "records::test_what_differs_in_measures_steps_or_chunk_is_not_put_together",
        ),
        (
            " if name not in same}",
            "}",
            "records::test_what_records_are_of_is_still_said",
        ),
    ),
    *of(
        "sim/studies/kept.py",
        "kept::test_two_runs_of_the_theorem_are_held_against_each_other_by_statement",
        ("first.get(of, none), second.get(of, none)", "second.get(of, none), first.get(of, none)"),
        (
            "which = lost, gone, lost | gone",
            "which = lost, gone, lost & gone",
            "kept::test_networks_that_diverged_are_marked",
        ),
    ),
    *of(
        "sim/runs/run.py",
        "runs::test_results_of_another_run_are_not_served_as_this_ones",
        ("if not _is_of(ds, self.identity):", "if False:"),
        (
            "return all(ds[axis].values.tolist() == of for",
            "return all(True for",
            "runs::test_results_whose_cases_lie_otherwise_are_not_what_is_asked_for",
        ),
        (
            "folder.mkdir(parents=True, exist_ok=True)\n        if",
            "if",
            "runs::test_compiled_programs_are_kept_where_that_can_be",
        ),
    ),
    *of(
        "sim/engine/programs.py",
        "engine::test_another_draw_has_another_noise_on_answers_and_start",
        ("another(key(seed, Purpose.ANSWERS), hyper.draw)", "key(seed, Purpose.ANSWERS)"),
        ("another(key(seed, Purpose.INIT_NOISE), hyper.draw)", "key(seed, Purpose.INIT_NOISE)"),
        (
            "noisy = any(point",
            "noisy = all(point",
            "engine::test_noise_on_a_start_is_drawn_where_anyone_side_by_side_has_it",
        ),
        (
            "for purpose in (Purpose.INIT, Purpose.OTHER_INIT)",
            "for purpose in (Purpose.INIT, Purpose.INIT)",
            "engine::test_no_control_starts_where_a_teacher_does",
        ),
        (
            "            first[layer] = parts",
            "            pass",
            "engine::test_students_take_layers_of_a_start_that_are_like_theirs",
        ),
    ),
    *of(
        "sim/training/steps.py",
        "engine::test_another_draw_has_other_directions_and_rounds_otherwise",
        ("another(key(seed, Purpose.UPDATES), hyper.draw)", "key(seed, Purpose.UPDATES)"),
    ),
    *of(
        "sim/runs/schedule.py",
        "lineages::test_what_hangs_on_a_training_is_not_measured_of_what_is_kept",
        ("at_end and {*self.extra} <= OF_PARAMETERS", "at_end"),
    ),
    *of(
        "sim/runs/train.py",
        "lineages::test_what_hangs_on_a_training_is_not_measured_of_what_is_kept",
        ('record["diverged"] |= programs.blown_up(record["loss"], first["loss"])', "pass"),
    ),
    *of(
        "sim/studies/parts.py",
        "surgery::test_parameters_that_are_nowhere_are_taken_for_no_others",
        ("        if θ is None:\n", "        if False:\n"),
    ),
    *of(
        "sim/studies/search.py",
        "search::test_a_record_that_was_changed_is_set_aside",
        ('!= noted["content"]:', "== 0:"),
    ),
    *of(
        "sim/settings/grid.py",
        "own_study::test_what_axes_set_at_all_points_is_no_part_of_a_run",
        ("every |= set.intersection(*cases)", "every |= set().union(*cases)"),
        ("every >= {*DERIVED} else", "every & {*DERIVED} else"),
    ),
    *of(
        "sim/studies/shown.py",
        "own_study::test_settings_of_its_own_are_as_usual_and_its_question_is_kept",
        ('if "usual" in ds.attrs else None', "if False else None"),
    ),
    *of(
        "sim/studies/verify.py",
        "verify::test_results_of_another_run_are_not_this_folders",
        ("**{k: own[k] for k in UNDER_WAY}}", "**own}"),
    ),
    *of(
        "sim/report/tables.py",
        "own_study::test_what_cases_set_is_varied_and_labels_are_words",
        ("not in {*other, *some, *axes}]", "not in {*other, *axes}]"),
    ),
    *of(
        "sim/runs/cluster.py",
        "cluster::test_short_units_of_the_same_seeds_are_sent_together",
        ("or unit.gives or some[0].gives):", "):"),
        ("unit.seeds != some[0].seeds or", ""),
        ("round(LONG / max(self.seconds, 1e-9))", "1"),
    ),
    *of(
        "sim/runs/cluster.py",
        "cluster::test_what_a_worker_is_at_counts_until_it_is_done_or_lost",
        ("self.tell(steps - self.told)", "self.tell(steps)"),
        ("if steps > self.told:", "if steps != self.told:"),
        ("min(now, _steps(units))", "now"),
        ("self.rate * (time.monotonic() - at)", "self.rate * time.monotonic()"),
        ("done += steps\n        if", "done = steps\n        if"),
        ("task()\n    worker.log_event(topic, (key, done))", "task()"),
    ),
    *of(
        "sim/runs/cluster.py",
        "cluster::test_results_and_what_is_kept_are_those_of_one_process",
        ("self.done += steps", "self.done += 0"),
        ("held, unit.gives, tell)", "held, unit.gives, lambda steps: None)"),
        ("steps / max(seconds, 1e-9)", "0.0"),
        ("                self.say(of)\n", ""),
    ),
    *of(
        "sim/runs/fingerprint.py",
        "extend::test_all_that_a_function_refers_to_counts_however_it_holds_it",
        ("asked = dict(_asked(names, used.values()))", "asked = {}"),
        ('_RULES = ("jvp", "fwd", "bwd")', "_RULES = ()"),
        ("return write([type(thing), items, own])", "return write([type(thing), items])"),
        ("return write([thing.__func__, thing.__self__])", "return write(thing.__self__)"),
    ),
    *of(
        "sim/studies/extend.py",
        "extend::test_a_function_of_another_ones_name_is_another_to_programs_that_know_it_by_name",
        ("jax.clear_caches()  # of programs that know the one before", "pass  #"),
        (
            "table.update(then)",
            "pass",
            "extend::test_a_refused_call_leaves_the_function_of_before_under_its_name",
        ),
        (
            "ADDED.update(words)",
            "pass",
            "extend::test_what_a_refused_call_would_put_beside_ours_is_not_there",
        ),
    ),
    *of(
        "sim/runs/sent.py",
        "cluster::test_functions_of_ones_own_are_sent_with_what_they_refer_to",
        ("cloudpickle.register_pickle_by_value(module)", "pass"),
        ("*((ADDED, literal, names) for literal, names in words.items()),", ""),
        ("table.pop(key, None)", "pass"),
        ("tuple(identity.fingerprints(read))", "()"),
        (
            "if sent.words != _LAST[0]:",
            "if not sent.words:",
            "cluster::test_another_function_of_the_same_name_is_another_to_programs_that_know_it_by_name",
        ),
        ("@cache  # one object for all", "# one object for all"),
        (
            "except (ImportError, AttributeError) as error:",
            "except IndexError as error:",
            "cluster::test_a_function_that_cannot_be_sent_is_named",
        ),
    ),
    *of(
        "sim/runs/schedule.py",
        "schedule::test_jobs_are_in_the_order_of_need",
        (
            "return sorted(found, key=lambda group: first[group[0].point.setup.classes])",
            "return found",
            "schedule::test_networks_of_one_task_are_computed_one_after_the_other",
        ),
        (
            "seen = learns.seen(network.point)",
            "seen = None",
            "schedule::test_students_side_by_side_see_the_same_where_a_channel_asks",
        ),
        ("return found[::-1]", "return found"),
        (
            "some += range(some[-1] + 1, some[-1] + 1 + self.chunk - len(some))",
            "pass",
            "runs::test_dataset_and_its_labels",
        ),
        (
            "yield (*block, *block[-1:] * (size - len(block)))",
            "yield (*block,)",
            "schedule::test_the_last_block_of_students_is_filled_up",
        ),
        (
            "*beside, network.point.together, hidden",
            "*beside, network.point.together",
            "lineages::test_who_imitates_units_is_trained_beside_nobody_who_imitates_logits",
        ),
    ),
]

STATISTICS = [
    *of(
        "sim/runs/statistics.py",
        "statistics",
        ("ddof=1", "ddof=0"),
        (" / n**0.5)", ")"),
        ("p: float = 0.975", "p: float = 0.95"),
        ("stdtrit(n - 1,", "stdtrit(n,"),
        ("(self.mean - self.half_width).clip(low)", "(self.mean - self.half_width)"),
        ("(a_low - b_high, a_high - b_low)", "(a_low - b_low, a_high - b_high)"),
        (
            "a.drop_attrs().astype(float) - b.drop_attrs().astype(float)",
            "b.drop_attrs().astype(float) - a.drop_attrs().astype(float)",
        ),
        ('if whole or name != "valid_range"', "if True"),
        ("seeds := values.indexes[over]).is_unique", "seeds := values.indexes[over]).size"),
    ),
    *of(
        "sim/runs/auroc.py",
        "auroc::test_auroc_is_the_share_of_pairs_won",
        ("(apart > 0) + (apart == 0) / 2", "(apart > 0)"),
        ("adds.var(ddof=1)) / n", "adds.var(ddof=1))", "auroc::test_the_interval_covers"),
        (
            "+ square / (4 * trials))",
            "+ square / trials)",
            "auroc::test_auroc_of_what_is_told_apart_has_an_interval",
        ),
    ),
    *of(
        "sim/runs/ratios.py",
        "ratios::test_it_solves_fiellers_quadratic",
        ("/ (n * (n - 1)) if", "/ n if"),
        ("shift = -t2 * (apart", "shift = t2 * (apart"),
    ),
    *of(
        "sim/runs/forecast.py",
        "forecast::test_a_setting_is_foretold_from_others_alone",
        ("rest, here = fold != one, fold == one", "rest, here = fold >= 0, fold == one"),
        (
            "(count + 1) / 2)[:, place]",
            "count)[:, place]",
            "forecast::test_rank_correlation_is_spearmans",
        ),
        (
            "return np.arange(rows) if settings is None else",
            "return np.arange(rows) if True else",
            "forecast::test_rows_of_a_setting_are_one_setting",
        ),
    ),
    *of(
        "sim/runs/decompose.py",
        "factorial::test_two_seeds_have_no_interval_of_what_is_between_seeds",
        ("(seeds < 3)] = np.nan", "(seeds < 2)] = np.nan"),
    ),
    *of(
        "sim/report/tuned.py",
        "tuned::test_where_nothing_was_validated_there_is_no_best",
        ("if row is None or np.isnan(row.less_half_width):", "if row is None:"),
    ),
    *of(
        "sim/studies/theorem/rows_of_one_step.py",
        "many_steps::test_a_row_turns_when_the_measurement_does",
        ("if not tips >= TIPS and", "if not tips >= 0 and"),
        ('return "" if least >= N else', 'return "" if least >= 0 else'),
    ),
    *of(
        "sim/report/progress.py",
        "progress::test_the_time_left_is_right_after_a_tenth",
        ("2 / 3 * (now - begun)", "0 * (now - begun)"),
        (
            "begun = now if begun is None else begun\n        told",
            "begun = 0.0\n        told",
            "progress::test_the_time_left_is_of_the_work_and_not_of_what_was_planned_before",
        ),
        ("(now - at) * (whole - done) / (done - before)", "(now - at) * (whole - done) / done"),
        (
            "max(0, end - time.monotonic())",
            "end",
            "progress::test_the_time_left_goes_down_while_nothing_is_told",
        ),
    ),
    *of(
        "sim/report/rates.py",
        "rates::test_without_a_control_or_a_base_there_is_a_line_for_each_and_no_finding",
        ("    if of.empty:", "    if False:"),
        (
            'values.transpose(*axes, "model")',
            'values.transpose(*axes[::-1], "model")',
            "rates::test_every_row_is_of_its_own_point_and_student",
        ),
        (
            "ratio(mine - other, teacher - other)",
            "ratio(mine - other, teacher)",
            "rates::test_every_row_is_of_its_own_point_and_student",
        ),
        (
            "0.025 / apart.mean.size",
            "0.025",
            "rates::test_every_row_is_of_its_own_point_and_student",
        ),
        (
            "known = ~gone & of.difference.notna()",
            "known = of.difference.notna()",
            "rates::test_a_pair_of_which_all_of_one_side_diverged_says_nothing",
        ),
        (
            "whom = (row.model, *((row.control, first) if row.control else ()))",
            "whom = (row.model,)",
            "rates::test_a_pair_of_which_all_of_one_side_diverged_says_nothing",
        ),
        (
            "return number(here[what]) + _lost(here) * marked",
            "return number(here[what])",
            "rates::test_a_diverged_seed_is_marked_in_each_cell",
        ),
    ),
    *of(
        "sim/report/tradeoffs.py",
        "tradeoffs::test_who_stops_the_trait_and_keeps_the_skill_is_said",
        ("of.trait_left_high < HALF", "of.trait_left < HALF"),
    ),
]

FAULTS = [*THEORY, *SETTINGS, *TRAINING, *KEPT, *STATISTICS]
