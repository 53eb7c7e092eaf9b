"""The compiled program of an estimator, shared by all fits of one structure."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.checks import check_choice
from jaxnet.core.padding import padded_parts, power_of_two
from jaxnet.core.types import Array, Layer, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.functions.penalties import get_penalty
from jaxnet.networks import mlp
from jaxnet.optim import OPTIMIZERS, schedule_free_eval_params
from jaxnet.training.loop.early_stopping import early_stopping
from jaxnet.training.loop.epoch import Epoch, epoch_keys, finish_epoch, make_steps
from jaxnet.training.loop.evaluate import make_evaluate, predict
from jaxnet.training.loop.run import Run, make_run
from jaxnet.training.loop.state import TrainState
from jaxnet.training.loop.step import Step
from jaxnet.training.program import LoopConfig, recipe_step
from jaxnet.training.recipe import Build, Recipe, recipe_objective
from jaxnet.training.train import RunProgram, Trained

SMALLEST = 16
"""The least number of rows of a program."""

ANY_RATE = 0.5
"""Stands for the drop rate, which does not change parameters or predictions."""


class Structure(NamedTuple):
    """Everything about a fit that is part of its program.

    Attributes:
        widths: of inputs, hidden layers and outputs.
        activation: name in `jaxnet.activations.ACTIVATIONS`.
        batch_norm: its place, None for none.
        dropout: whether there is any; its rate is an argument of the program.
        optimizer: name in `jaxnet.optim.OPTIMIZERS`, or a transformation.
        loss: name in `jaxnet.losses.LOSSES`.
        monitor: what may end the run, ``"loss"`` or ``"accuracy"``.
        early_stopping: whether it is measured on validation examples, and the best is kept.
        loop: its epochs are the capacity of the learning curves.
    """

    widths: tuple[int, ...]
    activation: str
    batch_norm: Any
    dropout: bool
    optimizer: str | optax.GradientTransformation
    loss: str
    monitor: str
    early_stopping: bool
    loop: LoopConfig

    @property
    def padded(self) -> bool:
        """Whether rows are padded, which batch normalization would count."""
        return self.batch_norm is None

    def network(self, drop_rate: float | Array = ANY_RATE) -> Layer:
        """Return the network; of equal structures and rates it is one object."""
        return mlp(
            self.widths,
            activation=self.activation,
            batch_norm=self.batch_norm,
            drop_rate=drop_rate if self.dropout else 0.0,
        )


class PaddedRun(RunProgram):
    """A run over rows of which those of weight 0 are padding, at the end.

    Its steps are those of the others alone, with the weights as they are: their mean must be 1.
    How many there are is no part of the program.
    """

    def assemble(self, recipe: Recipe) -> Run:
        """Return the run of a recipe."""
        objective = recipe_objective(recipe)
        step = recipe_step(recipe, objective)
        return make_run(
            padded_epoch(step, batch_size=self.loop.batch_size, shuffle=bool(self.loop.shuffle)),
            make_evaluate(objective),
            capacity=self.loop.epochs,
            rules=recipe.rules,
            evaluate_at=recipe.evaluate_at,
        )


def padded_epoch(step: Step, *, batch_size: int, shuffle: bool) -> Epoch:
    """Return an epoch over examples whose last rows, of weight 0, are padding.

    Args:
        step: one step, of `jaxnet.training.make_step`.
        batch_size: examples a step; of a last short mini-batch each weighs as much as others.
        shuffle: whether to draw a new order every epoch.
    """
    steps = make_steps(step, batch_size)

    def epoch(state: TrainState, examples: Examples, scale: Array | None = None) -> Any:
        order_key, step_key = epoch_keys(state)
        real, order = examples.weights > 0, jnp.arange(count(examples), dtype=jnp.int32)
        if shuffle:
            drawn = jax.random.bits(order_key, real.shape, jnp.uint32) >> 1
            order = jnp.argsort(jnp.where(real, drawn, jnp.uint32(2**31))).astype(jnp.int32)

        def take_step(index: Array, underway: Any) -> Any:
            batch = jax.lax.dynamic_slice_in_dim(order, index * batch_size, batch_size)
            return steps.advance(underway, examples, batch, step_key)

        number = -(-jnp.sum(real, dtype=jnp.int32) // batch_size)
        underway = steps.begin(state, examples, scale)
        return finish_epoch(state, jax.lax.fori_loop(0, number, take_step, underway))

    return epoch


def make_build(structure: Structure) -> Build:
    """Return ``(**numbers) -> Recipe``."""

    def build(
        learning_rate: float | Array,
        alpha: float | Array,
        drop_rate: float | Array,
        tol: float | Array,
        patience: int | Array,
    ) -> Recipe:
        optimizer, at = structure.optimizer, None
        if isinstance(optimizer, str):
            at = schedule_free_eval_params if optimizer.startswith("schedule_free") else None
            optimizer = check_choice("optimizer", optimizer, OPTIMIZERS)(learning_rate)
        held_out = structure.early_stopping
        rule = early_stopping(
            structure.monitor,
            patience=patience,
            min_delta=tol,
            mode="max" if structure.monitor == "accuracy" else "min",
            source="validation" if held_out else "train",
            keep_best=held_out,
        )
        return Recipe(
            structure.network(drop_rate),
            optimizer,
            loss=structure.loss,
            penalty=get_penalty("l2", strength=alpha / 2),
            rules=(rule,),
            evaluate_at=at,
        )

    return build


def make_member(structure: Structure) -> RunProgram:
    """Return the run of a structure, as a pure function."""
    kind = PaddedRun if structure.padded else RunProgram
    return kind(make_build(structure), structure.loop)


@functools.lru_cache(maxsize=64)
def make_program(structure: Structure) -> Callable[..., Trained]:
    """Return the compiled run of a structure, shared by all fits that have it.

    Its arguments are those of `jaxnet.training.train.RunProgram`, but for a seed in place of a key,
    which would be made by a program of its own.
    """
    member = make_member(structure)

    def train(seed: Array, *given: Any) -> Trained:
        return member(jax.random.key(seed), *given)

    return jax.jit(train)


def capacity(rows: int) -> int:
    """Return the number of rows of the program for some rows.

    >>> capacity(5), capacity(667), capacity(1000)
    (16, 1024, 1024)
    """
    return power_of_two(rows, SMALLEST)


def network_outputs(
    structure: Structure, params: Params, statistics: Statistics, inputs: np.ndarray
) -> np.ndarray:
    """Return the network's outputs in float64; similar numbers of rows share a program.

    Args:
        structure: of the network.
        params: its parameters.
        statistics: its statistics.
        inputs: shape ``(n, features)``, in JAX's default precision.
    """
    network = structure.network()
    outputs = [
        predict(network, params, statistics, part, batch_size=len(part))
        for part in padded_parts(inputs, least=SMALLEST)
    ]
    return np.concatenate([np.asarray(part, np.float64) for part in outputs])[: len(inputs)]
