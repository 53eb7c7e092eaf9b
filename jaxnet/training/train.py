"""`make_train`: a whole run as a pure function of its key and its hyperparameters."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxnet.core.checks import check_key
from jaxnet.core.representation import represent, represent_html
from jaxnet.core.traced_values import OTHERWISE, explained
from jaxnet.core.types import Array, Key, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.training.hyperparameters import Hyperparameters, as_arguments, check_hyperparameters
from jaxnet.training.loop.checks import check_both, check_outputs
from jaxnet.training.loop.epoch import NEVER, ShortBatch, Shuffle
from jaxnet.training.loop.evaluate import params_to_use
from jaxnet.training.loop.rules import best_of, stopped_by
from jaxnet.training.loop.run import Instrument, Run, RunRecord
from jaxnet.training.loop.state import TrainState, init_state, with_keys
from jaxnet.training.program import LoopConfig, assemble, check_loop
from jaxnet.training.recipe import (
    Build,
    Recipe,
    call_builder,
    check_choice_of_examples,
    recipe_objective,
)


class Trained(NamedTuple):
    """The result of a run, as one pytree.

    Attributes:
        params: the parameters to use: the best ones if a rule kept them, else the last ones; where
            the recipe has ``evaluate_at``, those that it gives.
        statistics: the network's statistics that belong to them.
        epoch: the epoch after which the network had them, from 1, int32.
        state: the state at the end.
        history: a row an epoch, of which the first ``done`` are filled.
        done: epochs run, int32.
        ended_by: index of the rule that ended the run, int32; `jaxnet.training.loop.rules.NO_RULE`.
        diverged: whether its last epoch diverged; the state is then the one before it.
    """

    params: Params
    statistics: Statistics
    epoch: Array
    state: TrainState
    history: RunRecord
    done: Array
    ended_by: Array
    diverged: Array

    __repr__ = represent
    _repr_html_ = represent_html


Train: TypeAlias = Callable[[Key, Hyperparameters], Trained]


@dataclasses.dataclass(frozen=True, eq=False)
class RunProgram:
    """A run as a pure function of key, hyperparameters, epochs, start and examples.

    Attributes:
        build: ``(**hyperparameters) -> Recipe``.
        loop: how to go through the examples; its epochs are the capacity of the history.
    """

    build: Build
    loop: LoopConfig

    __name__: ClassVar[str] = "member"  # its program's

    def __call__(
        self,
        key: Key,
        hyperparameters: Hyperparameters,
        epochs: Array,
        start: TrainState | None,
        train: Examples,
        validation: Examples | None,
    ) -> Trained:
        """Run some epochs, from ``start``, a state of `without_keys`, or from the beginning.

        Raises:
            ValueError: as `call_builder`.
            TypeError: if anything in the recipe needs the value of a hyperparameter.
        """
        recipe = self.recipe(hyperparameters, train, validation)
        with explained("recipe and instruments", OTHERWISE):
            return self._trained(recipe, key, epochs, start, train, validation)

    def assemble(self, recipe: Recipe) -> Run:
        """Return the run of a recipe."""
        return assemble(recipe, self.loop)

    def recipe(
        self, hyperparameters: Hyperparameters, train: Examples, validation: Examples | None
    ) -> Recipe:
        """Build the recipe for some hyperparameters and check it against the examples."""
        recipe = call_builder(self.build, hyperparameters)
        given = train, validation, self.loop.batch_size
        return check_choice_of_examples(recipe, *given)

    def _trained(
        self,
        recipe: Recipe,
        key: Key,
        epochs: Array,
        start: TrainState | None,
        train: Examples,
        validation: Examples | None,
    ) -> Trained:
        run, rules = self.assemble(recipe), tuple(recipe.rules)
        if recipe.held_out is not None:
            validation = train.take(recipe.held_out)
        in_shape = train.inputs.shape[1:]
        state = init_state(recipe.network, recipe.optimizer, in_shape, key=key, rules=rules)
        if start is not None:  # the one above is not used, and compiled away
            state = with_keys(start, state, key=key)
        state, history, done = run(state, train, validation, epochs)
        last = params_to_use(state, recipe.evaluate_at), state.statistics
        best = best_of(rules, state.rules, last)
        return Trained(
            params=best.params,
            statistics=best.statistics,
            epoch=state.epoch - best.age,
            state=state,
            history=history,
            done=done,
            ended_by=jnp.asarray(stopped_by(rules, state.rules)),
            diverged=(done > 0) & (history.epoch.diverged_at[done - 1] != NEVER),
        )


def make_train(
    build: Build,
    train: Examples,
    validation: Examples | None = None,
    *,
    epochs: int,
    batch_size: int,
    shuffle: Shuffle = True,
    short_batch: ShortBatch = "equal",
    instruments: Mapping[str, Instrument] | None = None,
    differentiable: bool = False,
) -> Train:
    """Return ``train(key, hyperparameters) -> Trained``, a pure function.

    The whole run, with all its stop rules, is one program. The hyperparameters are its arguments:
    another learning rate needs no other program. Called with numbers, it compiles itself, once;
    ``jax.jit`` and ``jax.vmap(train, in_axes=(None, 0))`` make it a part of another program.
    `jaxnet.training.sweep` maps it over settings for a person, on all devices.

    Args:
        build: ``(**hyperparameters) -> Recipe``.
        train: the examples to learn from.
        validation: examples to evaluate on after every epoch.
        epochs: how often to go through the examples, 1 or more, unless a rule ends the run.
        batch_size: examples a step.
        shuffle: whether to draw a new order every epoch: True of the examples, ``"batches"`` of
            fixed mini-batches, as lecture 000 has it. Full batches keep the examples' order.
        short_batch: what becomes of a last mini-batch that is not full, as for `fit`.
        instruments: name -> ``(params, statistics, train) -> scalar``, read after every epoch.
        differentiable: whether `jax.grad` goes through the run, to its hyperparameters, which
            keeps the state before each epoch and computes each epoch twice. `jax.jvp` goes through
            any run; `jax.grad` through another one is refused, with this argument as the remedy.

    Raises:
        ValueError: for settings out of range; when called, for hyperparameters that ``build``
            does not have, for NaN, infinities and whole numbers below 0 or above 2^31 - 1, for
            examples that do not fit its network, and for indices of examples that there are not.
        TypeError: when called, for hyperparameters that are no numbers, and if the recipe needs
            the value of one that is traced.

    >>> import jaxnet, numpy as np
    >>> def build(learning_rate):
    ...     optimizer = jaxnet.optim.adam(learning_rate)
    ...     return Recipe(jaxnet.mlp((1, 8, 2)), optimizer)
    >>> points = Examples(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1]))
    >>> run = make_train(build, points, epochs=200, batch_size=2)
    >>> trained = run(jax.random.key(0), {"learning_rate": 0.05})
    >>> float(trained.history.epoch.train["accuracy"][-1])
    1.0
    """
    loop = LoopConfig(epochs, batch_size, shuffle, short_batch, instruments)
    loop = loop._replace(differentiable=differentiable)
    check_loop(loop, train)
    member = RunProgram(build, loop)
    program = jax.jit(member)

    def run(key: Key, hyperparameters: Hyperparameters) -> Trained:
        check_key("key", key)
        numbers = check_hyperparameters(hyperparameters)
        recipe = member.recipe(numbers, train, validation)
        objective = recipe_objective(recipe)
        # while tracing, only shapes are looked at
        checked, held_out = check_both(objective, train, validation)
        given = as_arguments(numbers)
        arguments = key, given, jnp.int32(epochs), None, checked, held_out
        traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(arguments))
        if not traced:
            check_outputs(objective, checked)
        # options of the compiler are for the outermost program only
        return member(*arguments) if traced else program(*arguments)

    return run


def make_recipe(build: Build, hyperparameters: Hyperparameters) -> Recipe:
    """Build the recipe as `make_train` and `sweep` do, with arrays in place of numbers.

    Its network has the structure of their parameters. A builder that is given a Python number may
    return another: a drop rate of 0 leaves the dropout layer out, an array that is 0 does not.

    Args:
        build: ``(**hyperparameters) -> Recipe``.
        hyperparameters: name -> number.

    Raises:
        ValueError: for hyperparameters that ``build`` does not have, or that are out of range.
        TypeError: for one that is no number.
    """
    numbers = check_hyperparameters(hyperparameters)
    return call_builder(build, as_arguments(numbers))
