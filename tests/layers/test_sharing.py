"""Weight sharing: by hand, against PyTorch's ModuleList, and its messages."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import Dense, dense, maxout, serial, shared
from tests.cases import LayerCase
from tests.comparison import assert_trees_close
from tests.law import draw
from tests.layers.test_branches import reporter
from tests.peers import need, peers

DEMO = [(i // 2, i) for i in range(10)]
"""``x = self.linears[i // 2](x) + l(x)`` of lecture 002."""


def test_two_uses_worked_by_hand(dtype: np.dtype) -> None:
    # y = w (w x + b) + b with w = 3, b = 1, x = 2: 3 * 7 + 1 = 22
    # dy/dw = 2 w x + b = 13, dy/db = w + 1 = 4, dy/dx = w^2 = 9; and dy = 10
    layer = shared(dense(1), uses=[0, 0])
    params = (Dense(jnp.array([[3]], dtype), jnp.array([1], dtype)),)
    y, kept, _ = layer.forward(params, ((),), jnp.array([[2]], dtype), key=None, training=True)
    assert_trees_close(y, np.array([[22]], dtype))
    gradient = layer.backward(params, kept, jnp.array([[10]], dtype))
    expected = (Dense(jnp.array([[130]], dtype), jnp.array([40], dtype)),), np.array([[90]], dtype)
    assert_trees_close(gradient, expected)


def test_a_sum_worked_by_hand(dtype: np.dtype) -> None:
    # y = v (w x) + w (w x) with w = 2, v = 5, x = 3: 30 + 12 = 42
    # dy/dw = v x + 2 w x = 27, dy/dv = w x = 6, dy/dx = v w + w^2 = 14
    layer = shared(*[dense(1, bias_initializer=None)] * 2, uses=[0, (1, 0)])
    params = (Dense(jnp.array([[2]], dtype), None), Dense(jnp.array([[5]], dtype), None))
    x = jnp.array([[3]], dtype)
    y, kept, _ = layer.forward(params, ((), ()), x, key=None, training=True)
    assert_trees_close(y, np.array([[42]], dtype))
    (dw, dv), dx = layer.backward(params, kept, jnp.ones((1, 1), dtype))
    assert_trees_close([dw.weights, dv.weights, dx], [np.array([[n]], dtype) for n in (27, 6, 14)])


def test_a_layer_for_each_step_is_serial(dtype: np.dtype) -> None:
    layers = (dense(4), maxout(3, 2), dense(2))
    case = LayerCase("shared", shared(*layers, uses=[0, 1, 2]), (5,))
    params, statistics, x = draw(case)

    @functools.partial(jax.jit, static_argnums=0)
    def both(layer: Any, params: Any, x: jax.Array) -> Any:
        y, kept, _ = layer.forward(params, statistics, x, key=None, training=True)
        return y, layer.backward(params, kept, y)

    assert_trees_close(both(case.layer, params, x), both(serial(*layers), params, x))
    assert_trees_close(
        case.layer.init(jax.random.key(0), (5,)), serial(*layers).init(jax.random.key(0), (5,))
    )
    assert x.dtype == dtype


@peers
def test_the_lectures_module_list_equals_pytorch(dtype: np.dtype) -> None:
    torch = need("torch")
    case = LayerCase("module list", shared(*[dense(10)] * 10, uses=DEMO), (10,))
    params, statistics, x = draw(case)
    params = jax.tree.map(lambda leaf: leaf / 4, params)  # lest 10 layers of 10 grow too large
    leaves = [torch.tensor(np.array(leaf), requires_grad=True) for leaf in jax.tree.leaves(params)]
    start = torch.tensor(np.array(x), requires_grad=True)
    functional = torch.nn.functional
    y = start
    for i in range(10):
        j = i // 2
        y = functional.linear(y, *leaves[2 * j : 2 * j + 2]) + functional.linear(
            y, *leaves[2 * i : 2 * i + 2]
        )
    dy = np.ones(y.shape, dtype)
    y.backward(torch.tensor(dy))

    @jax.jit
    def ours(params: Any, x: jax.Array) -> Any:
        y, kept, _ = case.layer.forward(params, statistics, x, key=None, training=True)
        return y, case.layer.backward(params, kept, jnp.asarray(dy))

    by_hand_y, (dparams, dx) = ours(params, x)
    actual = [by_hand_y, dx, *jax.tree.leaves(dparams)]
    expected = [y.detach().numpy(), start.grad.numpy(), *[leaf.grad.numpy() for leaf in leaves]]
    assert_trees_close(actual, expected)


def test_each_use_draws_its_own_key() -> None:
    layer = shared(reporter(), reporter(), uses=[(0, 1), 0])
    key, x = jax.random.key(1), jnp.zeros((4, 3))
    params, statistics = layer.init(key, (3,))
    y, updated = layer.apply(params, statistics, x, key=key, training=True)
    draws = [jax.random.normal(jax.random.fold_in(key, use), x.shape) for use in range(3)]
    assert_trees_close(y, draws[0] + draws[1] + draws[2])
    assert list(updated) == [2, 1]  # uses of each layer


def test_a_pool_layer_used_on_other_widths_than_the_first() -> None:
    layer = shared(dense(3), dense(2), uses=[1, 0])
    params, _ = layer.init(jax.random.key(0), (5,))
    assert [p.weights.shape for p in params] == [(3, 2), (2, 5)]
    assert layer.out_shape((5,)) == (3,)


def test_description() -> None:
    parts = (dense(3), dense(3))
    description = shared(*parts, uses=[0, (0, 1)]).description
    assert description.kind == "shared"
    assert description.parts == parts
    assert description.settings["uses"] == ((0,), (0, 1))


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ([0, 2], "expected uses[1] < 2, the number of layers, got 2."),
        ([(0, -1)], "expected uses[0] >= 0, got -1."),
        ([0, ()], "expected uses[1] to name a layer, got none."),
        ([1], "expected uses to name every layer, got none of [0]."),
        ([], "expected uses to name every layer, got none of [0, 1]."),
    ],
)
def test_uses_that_do_not_fit_the_pool(uses: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        shared(dense(3), dense(3), uses=uses)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("index", [0.0, True, "0"])
def test_uses_that_are_no_integers(index: Any) -> None:
    message = f"expected uses[0] to be an integer, got {index!r} of type {type(index).__name__}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        shared(dense(3), uses=[index])


def test_no_layers() -> None:
    with pytest.raises(ValueError, match=r"expected layers to be one or more, got none\."):
        shared(uses=[])


def test_inputs_of_two_shapes() -> None:
    layer = shared(dense(3), dense(2), uses=[0, 1, 0])
    message = "expected uses to give layer 0 inputs of one shape, got (5,) and, in step 2, (2,)."
    for attempt in (lambda: layer.out_shape((5,)), lambda: layer.init(jax.random.key(0), (5,))):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            attempt()


def test_outputs_of_one_step_that_differ() -> None:
    layer = shared(dense(3), dense(1), uses=[(0, 1)])
    message = r"expected the layers of step 0 to have one output shape, got \[\(3,\), \(1"
    with pytest.raises(ValueError, match=message):
        layer.out_shape((5,))
    params = (Dense(jnp.ones((3, 5)), jnp.ones(3)), Dense(jnp.ones((1, 5)), jnp.ones(1)))
    with pytest.raises(ValueError, match=message):
        layer.apply(params, ((), ()), jnp.ones((2, 5)))
