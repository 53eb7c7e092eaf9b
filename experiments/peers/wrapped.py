"""Counterparts of our compositions in PyTorch and Keras, as optimizers for `paths`.

optax composes transformations; PyTorch leaves clipping, accumulation and averaging to the training
loop, and Keras makes them options. Here each is one `step` or `apply`.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax


class TorchChanged:
    """PyTorch optimizer that changes the gradients in place before each step."""

    def __init__(self, optimizer: Any, change: Callable[[list[Any]], Any]):
        self.param_groups = optimizer.param_groups
        self._optimizer, self._change = optimizer, change

    def step(self) -> None:
        """Change the gradients and take the step."""
        self._change([w for group in self.param_groups for w in group["params"]])
        self._optimizer.step()


class TorchAccumulated:
    """PyTorch optimizer that steps with the mean of every ``k`` gradients."""

    def __init__(self, optimizer: Any, every: int):
        self.param_groups = optimizer.param_groups
        self._optimizer, self._every = optimizer, every
        self._count, self._sums = 0, {}

    def step(self) -> None:
        """Add the gradients, and step after every ``k``."""
        self._count += 1
        for i, w in enumerate(w for group in self.param_groups for w in group["params"]):
            self._sums[i] = self._sums.get(i, 0.0) + w.grad / self._every
            w.grad = self._sums[i]
        if self._count % self._every == 0:
            self._optimizer.step()
            self._sums = {}


class TorchAveraged:
    """PyTorch optimizer whose visible parameters are averages of the real ones."""

    def __init__(self, torch: Any, params: list[Any], make: Callable[..., Any], average: Any):
        copies = torch.nn.ParameterList([torch.nn.Parameter(w.detach().clone()) for w in params])
        self._model = torch.optim.swa_utils.AveragedModel(copies, avg_fn=average)
        self._copies, self._params = copies, params
        self._torch, self._optimizer = torch, make(list(copies))
        self.param_groups = self._optimizer.param_groups

    def step(self) -> None:
        """Take the step, and update the visible average."""
        for w, copy in zip(self._params, self._copies, strict=True):
            copy.grad = w.grad
        self._optimizer.step()
        self._model.update_parameters(self._copies)
        with self._torch.no_grad():
            for w, average in zip(self._params, self._model.module, strict=True):
                w.copy_(average)


class KerasAveraged:
    """Keras optimizer with ``use_ema`` whose visible variables are the averages.

    The real ones are the last of its own variables.
    """

    def __init__(self, keras: Any, optimizer: Any):
        self._keras, self._optimizer = keras, optimizer
        self._learning_rate = optimizer._learning_rate

    def build(self, variables: list[Any]) -> None:
        """Create the variables."""
        self._optimizer.build(variables)
        self._real = [self._keras.Variable(v.value) for v in variables]
        self.variables = [*self._optimizer.variables, *self._real]

    def stateless_apply(
        self, state: list[Any], gradients: list[Any], shown: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        """Take the step with the real variables, and show the averages."""
        own = len(state) - len(shown)
        real, after = self._optimizer.stateless_apply(state[:own], gradients, state[own:])
        averages = {id(v) for v in self._optimizer._model_variables_moving_average}
        found = [
            value
            for v, value in zip(self._optimizer.variables, after, strict=True)
            if id(v) in averages
        ]
        return found, [*after, *real]


def shown(
    inner: optax.GradientTransformation, read: Callable[[Any], Any]
) -> optax.GradientTransformation:
    """Return an optimizer whose visible parameters are ``read`` from its state."""

    def init(params: Any) -> Any:
        return params, inner.init(params)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        real, inner_state = state
        updates, inner_state = inner.update(updates, inner_state, real)
        real = optax.apply_updates(real, updates)
        return jax.tree.map(jnp.subtract, read(inner_state), params), (real, inner_state)

    return optax.GradientTransformation(init, update)


def with_average(
    inner: optax.GradientTransformation, start: Callable[..., Any], follow: Callable[..., Any]
) -> optax.GradientTransformation:
    """Return an optax optimizer with an average beside it, ``read`` by ``state[-1]``.

    Args:
        inner: the optimizer.
        start: ``params -> state`` of the average.
        follow: ``(params, state) -> average, state``.
    """

    def init(params: Any) -> Any:
        return inner.init(params), start(params), params

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        updates, inner_state = inner.update(updates, state[0], params)
        average, average_state = follow(optax.apply_updates(params, updates), state[1])
        return updates, (inner_state, average_state, average)

    return optax.GradientTransformation(init, update)


def poisoned(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return an optimizer whose gradients have rows of NaN or infinity now and then.

    Up to three in succession.
    """

    def init(params: Any) -> Any:
        return jnp.zeros((), jnp.int32), inner.init(params)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        count, inner_state = state
        g = updates["matrix"]
        bad = jnp.where(count % 20 < 11, jnp.nan, jnp.inf).astype(g.dtype)
        is_bad = (count % 7 == 3) | (count % 20 >= 10) & (count % 20 < 13)
        updates = {**updates, "matrix": g.at[1].set(jnp.where(is_bad, bad, g[1]))}
        updates, inner_state = inner.update(updates, inner_state, params)
        return updates, (count + 1, inner_state)

    return optax.GradientTransformation(init, update)
