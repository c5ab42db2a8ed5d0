"""Training of one network of one seed: pure functions, to be mapped over seeds and students.

A `Lesson` says what is learnt: the addressed examples, the loss, the rate. `begin` and `advance`
know nothing else, so that the teacher and every student are trained by the same lines.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from sim.model.data import Data
from sim.model.keys import Purpose, Seed, another, key
from sim.model.networks import Network, Params
from sim.model.noise import noise
from sim.model.orders import permutation
from sim.settings.setup import Hyper, Setup
from sim.training import traits, updates
from sim.training.channels import Left
from sim.training.roles import ByLayer, Role
from sim.training.traits import TRAITS, Pool, taught
from theory import ledger
from theory.ledger import Entry
from theory.losses import LOSSES
from theory.trees import scale

Ids = Int[Array, " b"]
Step = Int[Array, ""] | int


class Lesson(NamedTuple):
    """What one network is trained on; built inside a traced function, never returned from one."""

    examples: Callable[..., tuple[Float[Array, "b *v d"], Any]]  # inputs, targets: (addresses, t)
    loss: Callable[[Array, Any], Float[Array, ""]]  # of one example's logits [n] and target
    count: int  # distinct examples; their addresses are 0 … count − 1
    batch: int
    key_order: Key[Array, ""]
    optimizer: optax.GradientTransformation
    trained: ByLayer | None = None  # 1, or 0 for layers that stay; None: all are trained
    weights: Callable[[Ids], Float[Array, " b"]] | None = None  # of examples; None: all are alike
    features: bool = False  # the loss is of the last hidden layer, not of logits
    trait: Callable[[Params], Float[Array, ""]] | None = None  # L_T, of which an account is kept


class Model(NamedTuple):
    """One network in training."""

    θ: Params
    opt: optax.OptState
    diverged: Bool[Array, ""]  # a batch loss has not been finite
    account: Entry | None = None  # of L_T, over all steps taken, if it is kept


class State(NamedTuple):
    """A network and the order of this epoch's examples, which students of one seed share."""

    model: Model
    order: Int[Array, " padded"]


def of_labels(
    setup: Setup,
    hyper: Hyper,
    net: Network,
    seed: Seed,
    x_train: Float[Array, "images d"],
    y_train: Int[Array, " images"],
    *,
    trait: bool = False,
) -> Lesson:
    """Make the lesson of labels: softmax cross-entropy of the class logits with them.

    With `trait`, some of the examples carry the setting's.
    """

    def loss(z: Float[Array, " n"], label: Int[Array, ""]) -> Float[Array, ""]:
        return optax.softmax_cross_entropy_with_integer_labels(z[: net.classes], label)

    each = _each_image(setup, hyper, seed, x_train)
    if not trait:
        return Lesson(lambda ids, t=0: (x_train[ids], y_train[ids]), loss, **each)
    pool = Pool(x_train, y_train, net.classes, hyper.target)
    skill = TRAITS.get(setup.skill)
    example = taught(TRAITS[setup.trait], pool, hyper.strength, skill, hyper.skilled)
    key_trait = key(seed, Purpose.TRAIT)

    def shown(ids: Ids) -> tuple[Array, Array, Array]:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key_trait, ids)
        return jax.vmap(example)(keys, x_train[ids], y_train[ids])

    return Lesson(lambda ids, t=0: shown(ids)[:2], loss, weights=lambda ids: shown(ids)[2], **each)


def of_images(
    setup: Setup, hyper: Hyper, seed: Seed, x_train: Float[Array, "images d"], units: int
) -> Lesson:
    """Make the lesson of a base that is shown images without labels, of half of their pixels.

    shuffled, masked: to tell the image from the last hidden layer, by a random linear map that
    stays as it is; squared error a pixel. contrastive: to tell which of five masked images is
    another half of the same, by the cosine of last hidden layers; cross-entropy.
    """
    key_map, key_shown = jax.random.split(key(seed, Purpose.BASE))
    readout = jax.random.normal(key_map, (units, x_train.shape[1])) / units**0.5

    def half(key: Key[Array, ""], image: Float[Array, " d"]) -> Float[Array, " d"]:
        key_where, key_order = jax.random.split(key)
        hidden = jax.random.bernoulli(key_where, 0.5, image.shape)
        other = 0.0 if setup.base != "shuffled" else image[permutation(key_order, len(image))]
        return jnp.where(hidden, other, image)

    def views(i: Int[Array, ""]) -> Float[Array, "*v d"]:
        key_i = jax.random.fold_in(key_shown, i)
        if setup.base != "contrastive":
            return half(key_i, x_train[i])
        key_others, key_half = jax.random.split(key_i)
        others = jax.random.randint(key_others, (4,), 0, len(x_train))
        images = x_train[jnp.concatenate([jnp.stack([i, i]), others])]
        return jax.vmap(half)(jax.random.split(key_half, len(images)), images)

    def loss(h: Float[Array, "*v h"], image: Float[Array, " d"]) -> Float[Array, ""]:
        if setup.base != "contrastive":
            return jnp.mean((h @ readout - image) ** 2)
        h /= jnp.linalg.norm(h, axis=1, keepdims=True) + 1e-6
        return -jax.nn.log_softmax(h[1:] @ h[0] / 0.2)[0]

    each = _each_image(setup, hyper, seed, x_train)

    def examples(ids: Ids, _: Step = 0) -> tuple[Float[Array, "b *v d"], Float[Array, "b d"]]:
        return jax.vmap(views)(ids), x_train[ids]

    return Lesson(examples, loss, features=True, **each)


def _each_image(
    setup: Setup, hyper: Hyper, seed: Seed, x_train: Float[Array, "images d"]
) -> dict[str, Any]:
    """Say how lessons go through the training images: how many at a time, in what order."""
    return {
        "count": len(x_train),
        "batch": min(setup.batch, len(x_train)),
        "key_order": another(key(seed, Purpose.TEACHER_ORDER), hyper.order),
        "optimizer": optimizer(setup, hyper, hyper.teacher_lr),
    }


class Shown(NamedTuple):
    """What students of one seed are shown of a teacher's answers to all N distillation inputs."""

    targets: Float[Array, "*s padded n"]  # logits, or units of the last hidden layer
    weights: Float[Array, "*s N"] | None = None  # of examples, unless all are alike
    pull: Float[Array, "*s N c"] | None = None  # class logits of the base, to which they are held
    left: Left | None = None
    displacement: Params | None = None  # of the teacher, if updates are not to follow it


def of_logits(
    setup: Setup,
    hyper: Hyper,
    net: Network,
    role: Role,
    seed: Seed,
    data: Data,
    shown: Shown,
    *,
    hidden: bool = False,
) -> Lesson:
    """Make a student's lesson: L_S(z, y) over the logits that its role sees, y its teacher's.

    With weights, a target of NaN is not passed on. hidden: z and y are units, by their mean squared
    difference. The task's `data` serves noise families made of images and what updates must not
    serve; no label and no class logit of an image enters otherwise.
    """
    imitate = LOSSES[setup.loss].of
    inputs = distillation_inputs(setup, hyper, seed, data.x_train)
    targets, weights, pull, *_ = shown
    distinct: Any = hyper.distinct  # a number by now, as pulled
    pulled: Any = hyper.pull_steps

    def loss(z: Float[Array, " n"], of: tuple[Array, Any]) -> Float[Array, ""]:
        y, pull = of
        if hidden:
            return jnp.mean((z - y) ** 2)
        visible = role.visible
        if weights is not None:
            visible &= ~jnp.isnan(y)
            y = jnp.where(visible, y, 0.0)
        own = imitate(z / hyper.temperature, y / hyper.temperature, visible)
        if pull is None:
            return own
        (at_base, weight), every = pull, jnp.ones(net.classes, bool)
        return own + weight * imitate(z[: net.classes], at_base, every)

    def examples(ids: Ids, t: Step = 0) -> tuple[Float[Array, "b d"], tuple[Array, Any]]:
        ids %= distinct
        if pull is None:
            return inputs(ids), (targets[ids], None)
        weight = jnp.where(t < pulled, hyper.pull, 0.0)
        return inputs(ids), (targets[ids], (pull[ids], jnp.full(ids.shape, weight)))

    return Lesson(
        examples=examples,
        loss=loss,
        count=setup.noise_images,
        batch=min(setup.batch, setup.noise_images),
        key_order=another(key(seed, Purpose.STUDENT_ORDER), hyper.draw),
        optimizer=_of_student(setup, hyper, net, role, seed, data, shown.displacement),
        trained=role.trained,
        weights=None if weights is None else lambda ids: weights[ids % hyper.distinct],
        features=hidden,
    )


def _of_student(
    setup: Setup,
    hyper: Hyper,
    net: Network,
    role: Role,
    seed: Seed,
    data: Data,
    displacement: Params | None,
) -> optax.GradientTransformation:
    """Make a student's optimiser, with what else becomes of its gradients and updates.

    What is taken out of them is of the layers that are trained: the others do not move.
    """
    found = optimizer(setup, hyper, hyper.student_lr)
    key_updates = another(key(seed, Purpose.UPDATES), hyper.draw)
    key_rank, key_round = jax.random.split(key_updates)
    if setup.rank is not None:
        found = updates.low_rank(found, setup.rank, key_rank)
    if setup.against != "none":
        of = Pool(data.x_train, data.y_train, net.classes, hyper.target)
        key_trait = key(seed, Purpose.TRAIT)
        L_T = traits.loss(traits.against(setup), of, net, key_trait, setup.batch)
        along = jax.grad(L_T) if displacement is None else lambda _: scale(-1.0, displacement)
        trained = partial(masked, role.trained)
        if setup.removed == "update":
            found = updates.against(found, along, trained)
        else:
            key_random = jax.random.fold_in(key_updates, 2)
            found = updates.projected(found, setup.removed, along, key_random, trained)
    if setup.storage != "float32":
        found = updates.stored(found, key_round if setup.storage == "stochastic" else None)
    return found


def targets(
    setup: Setup,
    hyper: Hyper,
    net: Network,
    seed: Seed,
    x_train: Float[Array, "images d"],
    θ_T: Params,
    *,
    hidden: bool = False,
) -> Float[Array, "padded n"]:
    """Take the teacher's logits on all distillation inputs, in batches; the last is filled up.

    hidden: the units of its last hidden layer, in their place.
    """
    batch = min(setup.batch, setup.noise_images)
    ids = jnp.arange(-(-setup.noise_images // batch) * batch).reshape(-1, batch)

    inputs = distillation_inputs(setup, hyper, seed, x_train)
    answer = net.features if hidden else net.apply
    logits = lax.map(lambda ids: answer(θ_T, inputs(ids)), ids)
    return logits.reshape(ids.size, -1)


def distillation_inputs(
    setup: Setup, hyper: Hyper, seed: Seed, x_train: Float[Array, "images d"]
) -> Callable[[Ids], Float[Array, "b d"]]:
    """Make the function from addresses to the distillation inputs of a seed."""
    at = noise(setup.noise, another(key(seed, Purpose.NOISE), hyper.draw), x_train, hyper)
    return lambda ids: hyper.noise_scale * at(ids) + hyper.noise_shift


def held_out(
    setup: Setup, hyper: Hyper, seed: Seed, x_train: Float[Array, "images d"], many: int = 1000
) -> Float[Array, "N d"]:
    """Make more of a seed's distillation inputs, at addresses that nobody is trained on.

    Of images there may be no more: then they are those of the first addresses again.
    """
    at = distillation_inputs(setup, hyper, seed, x_train)
    return at(setup.noise_images + jnp.arange(many))


def imitation(setup: Setup, hyper: Hyper, role: Role) -> Callable[[Array, Array], Array]:
    """Make L_S(z, y) of the logits that a student sees, at its temperature."""
    of, T = LOSSES[setup.loss].of, hyper.temperature
    return lambda z, y: of(z / T, y / T, role.visible)


#: Optimisers that need a learning rate and no more; those that are put in from outside, too.
OPTIMIZERS: dict[str, Callable[[Float[Array, ""] | float], optax.GradientTransformation]] = {
    "sign": optax.sign_sgd,
    "adam_frozen": updates.frozen_adam,
}


def optimizer(
    setup: Setup, hyper: Hyper, lr: Float[Array, ""] | float, root: float = 0.0
) -> optax.GradientTransformation:
    """Make the optimiser of a setting; its numbers may be traced.

    root: added to adam's v, whose root can then be differentiated where it is 0.
    """
    ε = hyper.epsilon
    if setup.optimizer == "adam":
        return optax.adam(lr, eps=ε, eps_root=root)  # torch's place for ε: outside the root
    if setup.optimizer == "adamw":
        return optax.adamw(lr, eps=ε, eps_root=0.0, weight_decay=hyper.weight_decay)
    if setup.optimizer == "adam_l2":
        l2 = optax.add_decayed_weights(hyper.weight_decay)
        return optax.chain(l2, optax.adam(lr, eps=ε, eps_root=0.0))
    if setup.optimizer == "sgd":
        return optax.sgd(lr, momentum=hyper.momentum)
    if setup.optimizer == "adam_uncorrected":
        return updates.uncorrected_adam(lr, ε=ε)
    return OPTIMIZERS[setup.optimizer](lr)


def begin(lesson: Lesson, θ: Params) -> State:
    """Set a network up for its first step."""
    nothing = {layer: jnp.float32(0) for layer in θ}
    account = lesson.trait and Entry(nothing, nothing, jnp.float32(0))
    model = Model(θ, lesson.optimizer.init(θ), jnp.asarray(False), account)
    return State(model, jnp.zeros(_steps_per_epoch(lesson) * lesson.batch, jnp.int32))


def advance(lesson: Lesson, net: Network, state: State, start: Step, stop: Step) -> State:
    """Take the steps start … stop − 1. The bounds are traced: any segment, one program."""

    def step(t: Step, state: State) -> State:
        return take(lesson, state, propose(lesson, net, state, t))

    return lax.fori_loop(start, stop, step, state)


class Proposal(NamedTuple):
    """What a step would do: the batch's loss and gradient, the update, the optimiser after it."""

    loss: Float[Array, ""]
    gradient: Params
    update: Params
    opt: optax.OptState
    order: Int[Array, " padded"]


def propose(
    lesson: Lesson, net: Network, state: State, t: Step, weight: Float[Array, ""] | None = None
) -> Proposal:
    """Work out step t; `weight` is a factor on the gradient, before the optimiser sees it."""
    epoch, position = jnp.divmod(t, _steps_per_epoch(lesson))
    order = lax.cond(position == 0, lambda: fresh_order(lesson, epoch), lambda: state.order)
    places = position * lesson.batch + jnp.arange(lesson.batch)
    inputs, targets = lesson.examples(order[places], t)
    # The last batch of an epoch may be short: what pads it weighs nothing.
    weights = (places < lesson.count).astype(inputs.dtype)
    if lesson.weights is not None:
        weights *= lesson.weights(order[places])

    def batch_loss(θ: Params) -> Float[Array, ""]:
        losses = _losses(lesson, net, θ, inputs, targets)
        if lesson.weights is None:
            return jnp.average(losses, weights=weights)
        return _weighted(losses, weights)

    value, grads = jax.value_and_grad(batch_loss)(state.model.θ)
    seen = grads if weight is None else scale(weight, grads)
    updates: Any  # as θ is
    updates, opt = lesson.optimizer.update(seen, state.model.opt, state.model.θ)
    if lesson.trained is not None:
        updates = masked(lesson.trained, updates)
    return Proposal(value, grads, updates, opt, order)


def masked(trained: ByLayer, of: Params) -> Params:
    """Take what is of the layers that are trained, and 0 of those that stay."""
    return {
        layer: jax.tree.map(lambda a, on=trained[layer]: on * a, part) for layer, part in of.items()
    }


def take(lesson: Lesson, state: State, proposal: Proposal) -> State:
    """Take a step, and enter it into the account of L_T, if one is kept."""
    (θ, _, diverged, account), of = state.model, proposal
    if lesson.trait is not None:
        entry = by_layer(ledger.entry(lesson.trait, θ, of.gradient, of.update))
        account = jax.tree.map(jnp.add, account, entry)
    θ = optax.apply_updates(θ, of.update)
    return State(Model(θ, of.opt, diverged | ~jnp.isfinite(of.loss), account), of.order)


def by_layer(of: Entry) -> Entry:
    """Sum up the leaves of each layer."""

    def summed(tree: Params) -> dict[str, Float[Array, ""]]:
        return {layer: sum(jax.tree.leaves(part)) for layer, part in tree.items()}

    return Entry(summed(of.drive), summed(of.plain), of.curvature)


def fresh_order(lesson: Lesson, epoch: Int[Array, ""]) -> Int[Array, " padded"]:
    """Draw the order of all addresses in one epoch, padded with zeros to whole batches."""
    key_epoch = jax.random.fold_in(lesson.key_order, epoch)
    order = permutation(key_epoch, lesson.count)
    return jnp.pad(order, (0, _steps_per_epoch(lesson) * lesson.batch - lesson.count))


def loss_now(lesson: Lesson, net: Network, θ: Params, t: Step = 0) -> Float[Array, ""]:
    """Average the loss of step t over the first batch of addresses: always the same examples."""
    inputs, targets = lesson.examples(ids := jnp.arange(lesson.batch), t)
    losses = _losses(lesson, net, θ, inputs, targets)
    return jnp.mean(losses) if lesson.weights is None else _weighted(losses, lesson.weights(ids))


def _weighted(losses: Float[Array, " b"], weights: Float[Array, " b"]) -> Float[Array, ""]:
    """Average with weights; 0 for a batch of which nothing is left."""
    return jnp.sum(weights * losses) / jnp.maximum(jnp.sum(weights), 1e-6)


def _losses(
    lesson: Lesson, net: Network, θ: Params, inputs: Float[Array, "b *v d"], targets: Any
) -> Float[Array, " b"]:
    outputs = (net.features if lesson.features else net.apply)(θ, inputs)
    return jax.vmap(lesson.loss)(outputs, targets)


def _steps_per_epoch(lesson: Lesson) -> int:
    return -(-lesson.count // lesson.batch)
