"""The program of a run: a recipe and a loop configuration, assembled into one pure function."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.core.checks import check_choice, check_count, check_range, require, require_type
from jaxnet.core.errors import with_type
from jaxnet.core.types import Array
from jaxnet.data.examples import Examples
from jaxnet.data.streams import Stream
from jaxnet.optim.update_rule.factory import take_learning_rates, with_learning_rates
from jaxnet.training.loop.checks import check_batch_size
from jaxnet.training.loop.epoch import SHORT_BATCHES, ShortBatch, Shuffle, make_epoch
from jaxnet.training.loop.evaluate import make_evaluate
from jaxnet.training.loop.gradient import ENGINES, get_engine
from jaxnet.training.loop.in_parts import in_parts
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.run import Instrument, Run, check_instruments, make_run
from jaxnet.training.loop.step import Step, make_step
from jaxnet.training.recipe import Recipe, recipe_objective

Rates: TypeAlias = tuple[Array, ...]
"""Learning rates of a recipe, in the order in which its optimizer has them."""


Shared: TypeAlias = tuple[Recipe, Rates]
"""What recipes share that differ in learning rates only, and the rates of one."""


class LoopConfig(NamedTuple):
    """How a run goes through its examples: part of its program, not a hyperparameter.

    Attributes:
        epochs: the most epochs of one call of the program.
        batch_size: examples per step.
        shuffle: whether to draw a new order every epoch, of examples or of ``"batches"``.
        short_batch: what becomes of a last mini-batch that is not full.
        instruments: name -> what else to measure after every epoch; or pairs, which can be hashed.
        mesh: devices that each take a part of every mini-batch; None for one device.
        differentiable: whether reverse mode goes through the run.
    """

    epochs: int
    batch_size: int
    shuffle: Shuffle = True
    short_batch: ShortBatch = "equal"
    instruments: Mapping[str, Instrument] | tuple[tuple[str, Instrument], ...] | None = None
    mesh: Mesh | None = None
    differentiable: bool = False


def check_loop(loop: LoopConfig, train: Examples | Stream) -> LoopConfig:
    """Return a configuration that can be hashed.

    Raises:
        ValueError: for numbers out of range, or a mini-batch larger than the examples.
        TypeError: for arguments of another type.
    """
    check_range("epochs", check_count("epochs", loop.epochs), high=2**31 - 1)
    kept = isinstance(loop.shuffle, str) and loop.shuffle == "batches"
    good = kept or isinstance(loop.shuffle, bool | np.bool_)
    require_type(good, "shuffle", "to be a boolean or 'batches'", with_type(loop.shuffle))
    stream = kept and isinstance(train, Stream)
    require(not stream, "shuffle", "to be a boolean for a Stream", "batches", "See its block.")
    check_instruments(loop.instruments)
    return loop._replace(
        batch_size=check_batch_size(loop.batch_size, train),
        short_batch=check_choice("short_batch", loop.short_batch, SHORT_BATCHES),
        instruments=tuple(dict(loop.instruments or {}).items()),
    )


def assemble(recipe: Recipe, loop: LoopConfig) -> Run:
    """Return ``run(state, train, validation, epochs) -> state, history, done``.

    Args:
        recipe: of `check_recipe`.
        loop: how to go through the examples; its epochs are the capacity of the history.
    """
    objective = recipe_objective(recipe)
    epoch = make_epoch(
        recipe_step(recipe, objective, loop.mesh),
        batch_size=loop.batch_size,
        shuffle=loop.shuffle,
        short_batch=loop.short_batch,
        augment=recipe.augment,
        subset=recipe.subset,
        mesh=loop.mesh,
    )
    return make_run(
        epoch,
        make_evaluate(objective, loop.mesh),
        capacity=loop.epochs,
        rules=recipe.rules,
        instruments=dict(loop.instruments or {}),
        evaluate_at=recipe.evaluate_at,
        differentiable=loop.differentiable,
    )


def without_rates(recipe: Recipe) -> Shared:
    """Return what recipes share that differ in learning rates only, and the rates.

    The rates are arguments of the program of a run: another one compiles nothing.
    """
    optimizer, rates = take_learning_rates(recipe.optimizer)
    dtype = jnp.result_type(float)  # one for all kinds of numbers, as dtypes are the program's
    return recipe._replace(optimizer=optimizer), tuple(jnp.asarray(r, dtype) for r in rates)


def with_rates(recipe: Recipe, rates: Rates) -> Recipe:
    """Return a recipe of `without_rates` with the learning rates, which may be traced."""
    return recipe._replace(optimizer=with_learning_rates(recipe.optimizer, rates))


def recipe_step(recipe: Recipe, objective: Objective, mesh: Mesh | None = None) -> Step:
    """Return the training step of a recipe; large mini-batches in parts, unless divided already."""
    engine = get_engine(recipe.gradient)
    if engine in ENGINES.values() and mesh is None:
        engine = in_parts(engine)
    return make_step(objective, engine, recipe.optimizer, recipe.constraint)


def settings_of(recipe: Recipe, loop: LoopConfig) -> dict[str, Any]:
    """Return the settings of a run, by the names of `fit`'s arguments."""
    settings = recipe._asdict() | loop._asdict()
    settings["devices"] = settings["mesh"]
    apart = ("subset", "held_out", "epochs", "mesh", "differentiable")
    return {name: value for name, value in settings.items() if name not in apart}
