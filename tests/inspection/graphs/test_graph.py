"""The computation graph: the lectures' numbers, autodiff's gradients, nodes and links."""

from collections.abc import Callable
from typing import Any

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies

import jaxnet
from jaxnet.inspection import Graph, computation_graph
from tests.cases import random_like
from tests.comparison import assert_trees_close


def chain(x: Any) -> Any:
    return jnp.log(jnp.exp((2 * x) ** 2))


def diamond(x: Any) -> Any:
    return 2 * (x**2) ** 3 + (x**3) ** 2


def three_inputs(x0: Any, x1: Any, x2: Any) -> Any:
    return (x0 + x1) ** 2 + 7 * x0 + jnp.cos(x0 + x2)


def values(graph: Graph) -> dict[str, float]:
    return {node.identifier: float(node.value) for node in graph.nodes}


def gradients(graph: Graph) -> dict[str, Any]:
    return {node.identifier: node.gradient for node in graph.nodes}


def derivatives(graph: Graph) -> dict[tuple[str, str], Any]:
    return {(link.source, link.target): link.derivative for link in graph.links}


def labels(graph: Graph) -> list[str]:
    return [node.label for node in graph.nodes if node.kind not in ("input", "constant")]


def assert_gradients_are_those_of_autodiff(function: Callable[..., Any], *args: Any) -> None:
    """Assert that the graph's value is the function's, and its gradients `jax.grad`'s."""
    graph = computation_graph(function, *args)
    floating = [
        i for i, arg in enumerate(args) if jnp.issubdtype(jnp.result_type(arg), jnp.floating)
    ]
    value, expected = jax.jit(jax.value_and_grad(function, argnums=floating))(*args)
    found = [n.gradient for n in graph.nodes if n.kind == "input" and n.gradient is not None]
    assert_trees_close((graph.nodes[-1].value, found), (value, jax.tree.leaves(expected)))


def test_the_chain_of_lecture_001(dtype: np.dtype) -> None:
    graph = computation_graph(chain, jnp.asarray(0.5, dtype))
    e = np.e
    assert values(graph) == pytest.approx({"x": 0.5, "z1": 1, "z2": 1, "z3": e, "y": 1}, rel=1e-6)
    links = {("x", "z1"): 2, ("z1", "z2"): 2, ("z2", "z3"): e, ("z3", "y"): 1 / e}
    assert derivatives(graph) == pytest.approx(links, rel=1e-6)
    accumulated = {"x": 4, "z1": 2, "z2": 1, "z3": 1 / e, "y": 1}
    assert gradients(graph) == pytest.approx(accumulated, rel=1e-6)
    assert labels(graph) == ["× 2", "( )²", "exp", "log"]


def test_the_two_ways_of_lecture_000(dtype: np.dtype) -> None:
    graph = computation_graph(diamond, jnp.asarray(1.0, dtype))
    assert values(graph) == {"x": 1, "z1": 1, "z2": 1, "z3": 2, "z4": 1, "z5": 1, "y": 3}
    assert gradients(graph) == {"x": 18, "z1": 6, "z2": 2, "z3": 1, "z4": 2, "z5": 1, "y": 1}
    messages = {link.target: link.message for link in graph.links if link.source == "x"}
    assert messages == {"z1": 12, "z4": 6}


def test_the_three_inputs_of_lecture_002(dtype: np.dtype) -> None:
    graph = computation_graph(three_inputs, *jnp.asarray([2.0, 3.0, -2.0], dtype))
    assert values(graph)["y"] == 40
    assert [gradients(graph)[name] for name in ("x0", "x1", "x2")] == [17, 10, 0]
    assert labels(graph) == ["+", "( )²", "× 7", "+", "+", "cos", "+"]
    links = derivatives(graph)
    assert links["z1", "z2"] == 10
    assert links["x0", "z3"] == 7
    assert links["z5", "z6"] == 0  # -sin(0)
    messages = {link.target: link.message for link in graph.links if link.source == "x0"}
    assert messages == {"z1": 10, "z3": 7, "z5": 0}


def test_entries_of_a_vector_are_shared_nodes(dtype: np.dtype) -> None:
    graph = computation_graph(lambda x: three_inputs(x[0], x[1], x[2]), jnp.array([2.0, 3.0, -2.0]))
    assert [label for label in labels(graph) if "x" in label] == ["x[0]", "x[1]", "x[2]"]
    assert gradients(graph)["x"].tolist() == [17, 10, 0]


def own_square() -> Callable[[Any], Any]:
    @jax.custom_vjp
    def doubled(x: Any) -> Any:
        return x * x

    doubled.defvjp(lambda x: (x * x, x), lambda x, dy: (5 * x * dy,))  # deliberately not 2 x
    return doubled


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "product of one variable": (lambda x: x * x, (3.0,)),
    "division": (lambda x, y: 1 / x + x / y - 2 / (3 - y), (3.0, 2.0)),
    "powers": (lambda x, y: x**y + 2.0**x + x**0.5 + x**-2, (3.0, 2.0)),
    "nested jit": (jax.jit(lambda x: jax.jit(jnp.sin)(x) + jax.jit(jnp.sin)(2 * x)), (0.3,)),
    "remat": (lambda x: jax.checkpoint(jnp.tanh)(x) * x, (0.3,)),
    "rule at its kink": (lambda x: jax.nn.relu(x) + x, (0.0,)),
    "rule of the user's": (lambda x: own_square()(x) + x, (0.3,)),
    "scan": (lambda x: jax.lax.fori_loop(0, 4, lambda _, c: c * x, x), (0.9,)),
    "scan of several results": (
        lambda x: sum(jax.lax.scan(lambda c, _: (c * x, c), x, None, length=1)[1]) * x,
        (0.9,),
    ),
    "branch": (lambda x: jax.lax.cond(x > 0, jnp.sin, jnp.cos, x) + x, (0.9,)),
    "stop gradient": (lambda x: jax.lax.stop_gradient(x) * x, (3.0,)),
    "unused input": (lambda x, y: jnp.sin(x), (3.0, 2.0)),
    "identity": (lambda x, y: y, (3.0, 2.0)),
    "integer input": (lambda x, n: x * n.astype(x.dtype), (jnp.float32(3.0), jnp.int32(2))),
    "sorted twice": (lambda x: jnp.sort(x)[0] * jnp.max(x), (jnp.array([3.0, 1.0, 2.0]),)),
    "two results used": (lambda x: jnp.vdot(*jax.lax.sort((x, x * x))), (jnp.array([3.0, 1.0]),)),
    "quadratic form": (lambda x, a: x @ a @ x, (jnp.arange(3.0), jnp.arange(9.0).reshape(3, 3))),
    "broadcast bias": (
        lambda x, b: ((x + b[None, :]) ** 2).mean(),
        (jnp.ones((4, 2)), jnp.ones(2)),
    ),
    "stable cross-entropy": (
        lambda z: jaxnet.losses.softmax_cross_entropy(z, jnp.array(0)),
        (jnp.array([3.2, 5.1, -1.7]),),
    ),
}


@pytest.mark.parametrize(("function", "args"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_gradients_are_those_of_autodiff(function: Callable[..., Any], args: Any) -> None:
    assert_gradients_are_those_of_autodiff(function, *jax.tree.map(jnp.asarray, args))


def test_the_risk_of_a_network(float64: np.dtype) -> None:
    network = jaxnet.mlp((3, 4, 2), activation="tanh")
    params, statistics = network.init(jax.random.key(0), (3,))
    params, x = random_like((params, jnp.zeros((5, 3))))
    labels = jnp.array([0, 1, 1, 0, 1])

    def risk(params: Any, x: Any) -> Any:
        outputs, _ = network.apply(params, statistics, x)
        return jaxnet.losses.softmax_cross_entropy(outputs, labels).mean()

    graph = computation_graph(risk, params, x)
    assert_trees_close(
        [node.gradient for node in graph.nodes if node.kind == "input"],
        jax.tree.leaves(jax.jit(jax.grad(risk, argnums=(0, 1)))(params, x)),
    )
    inputs = [node.identifier for node in graph.nodes if node.kind == "input"]
    assert inputs == [
        "params[0].weights",
        "params[0].bias",
        "params[2].weights",
        "params[2].bias",
        "x",
    ]


LEAVES = strategies.sampled_from(["x", "y", "1.5"])
EXPRESSIONS = strategies.recursive(
    LEAVES,
    lambda part: strategies.one_of(
        strategies.tuples(part, strategies.sampled_from("+-*"), part).map(
            "({0[0]}{0[1]}{0[2]})".format
        ),
        strategies.tuples(strategies.sampled_from(["sin", "cos", "tanh"]), part).map(
            "jnp.{0[0]}({0[1]})".format
        ),
    ),
    max_leaves=8,
)


@hypothesis.given(EXPRESSIONS)
@hypothesis.settings(max_examples=25)
def test_random_expressions(expression: str) -> None:
    with jax.enable_x64(True):
        function = eval(f"lambda x, y: x + 0 * y + {expression}", {"jnp": jnp})
        assert_gradients_are_those_of_autodiff(function, jnp.asarray(0.7), jnp.asarray(-1.3))


def test_messages_are_gradients_times_derivatives_and_add_up(float64: np.dtype) -> None:
    x, a = random_like((jnp.zeros(3), jnp.zeros((3, 3))))
    graph = computation_graph(lambda x, a: jnp.sum(jnp.tanh(a @ x) * x), x, a, jacobian_limit=1000)
    found = gradients(graph)
    for link in graph.links:
        upstream, derivative = np.asarray(found[link.target]), np.asarray(link.derivative)
        message = np.tensordot(upstream, derivative, upstream.ndim)
        assert_trees_close(link.message, message)
    for node in graph.nodes[:-1]:
        parts = [link.message for link in graph.links if link.source == node.identifier]
        assert_trees_close(sum(np.asarray(part) for part in parts), node.gradient)


def test_large_derivatives_are_left_out() -> None:
    x = jnp.ones(8)
    kept, left = (
        computation_graph(lambda x: jnp.sin(x).sum(), x, jacobian_limit=n) for n in (64, 63)
    )
    assert derivatives(kept)["x", "z1"].shape == (8, 8)
    assert derivatives(left)["x", "z1"] is None
    assert derivatives(left)["z1", "y"].shape == (8,)
    assert_trees_close(gradients(left), gradients(kept))


def test_constants_and_integers_have_no_gradient() -> None:
    weights = jnp.ones(3)
    graph = computation_graph(
        lambda x, n: (weights * x).sum() * n.astype(x.dtype), 2.0, jnp.array(3)
    )
    kinds = {node.identifier: node.kind for node in graph.nodes}
    assert {name: kind for name, kind in kinds.items() if gradients(graph)[name] is None} == {
        "n": "input",
        "c1": "constant",
        "z3": "operation",
    }
    assert kinds["y"] == "output"
    assert graph.nodes[-1].value == 18


def test_a_function_that_depends_on_nothing() -> None:
    graph = computation_graph(lambda x: 3.0, 1.0)
    assert [(n.identifier, n.kind) for n in graph.nodes] == [
        ("x", "input"),
        ("c1", "constant"),
        ("y", "output"),
    ]
    assert gradients(graph) == {"x": 0, "c1": None, "y": 1}


def distance(y: Any, targets: Any) -> Any:
    """Return what a user may write: named, with a jitted part and a scope inside."""
    with jax.named_scope("distance"):
        errors = jax.jit(jnp.subtract)(y, targets)
        with jax.named_scope("norm"):
            return jnp.sqrt(jnp.square(errors).sum(-1) + 1.0)


FOLDED = {
    name: jaxnet.losses.LOSSES[name] for name in ("huber", "log_cosh", "softmax_kl_divergence")
} | {"distance": distance}


@pytest.mark.parametrize("name", FOLDED)
def test_a_named_scope_such_as_a_loss_is_one_node(name: str, dtype: np.dtype) -> None:
    outputs = jnp.asarray([[0.3, -2.0], [1.5, 0.2], [-0.7, 0.9]], dtype)
    targets = jnp.asarray([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], dtype)

    def risk(y: Any) -> Any:
        return FOLDED[name](y, targets).mean()

    folded, whole = (computation_graph(risk, outputs, fold=fold) for fold in (True, False))
    assert [node.label for node in folded.nodes] == ["input", name, "mean"]
    assert len(whole.nodes) > 5
    assert_trees_close(
        (folded.nodes[0].gradient, folded.nodes[-1].value),
        (whole.nodes[0].gradient, whole.nodes[-1].value),
    )


def test_each_call_within_a_named_scope_is_a_node() -> None:
    x = jnp.ones((2, 2))
    both = computation_graph(lambda x: (distance(x, 0.5) * distance(2 * x, x)).sum(), x)
    assert labels(both) == ["distance", "× 2", "distance", "×", "sum"]
    in_a_row = computation_graph(lambda x: (distance(x, 0.5) * distance(x, 2.0)).sum(), x)
    assert labels(in_a_row) == ["distance", "distance", "×", "sum"]
    mapped = computation_graph(lambda x: jax.vmap(distance)(x, x[0]).sum(), jnp.ones((2, 2)))
    assert labels(mapped)[-2:] == ["distance", "sum"]


def test_a_named_scope_with_several_results_and_the_name_of_a_primitive() -> None:
    def both(x: Any) -> Any:
        with jax.named_scope("slice"):
            sines, cosines = jnp.sin(2 * x), jnp.cos(2 * x)
            return sines + cosines, sines * cosines

    def function(x: Any) -> Any:
        one, other = both(x)
        return one**2 + jnp.exp(other)

    graph = computation_graph(function, 0.3)
    assert labels(graph) == ["slice (1)", "slice (2)", "( )²", "exp", "+"]
    assert_gradients_are_those_of_autodiff(function, 0.3)


def test_means() -> None:
    x = jnp.arange(6.0).reshape(2, 3)

    def shares_its_sum(x: Any) -> Any:
        total = x.sum()
        return total / 6 * total

    for function, expected in {
        jnp.mean: ["mean"],
        lambda x: (x.mean(1) ** 2).mean(): ["mean", "( )²", "mean"],
        lambda x: x.sum() / 5: ["sum", "÷ 5"],
        shares_its_sum: ["sum", "÷ 6", "×"],
    }.items():
        assert labels(computation_graph(function, x)) == expected
        assert_gradients_are_those_of_autodiff(function, x)


LABELS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "either side": (lambda x: (1 - x) * (2 / x), ["1 − ( )", "2 ÷ ( )", "×"]),
    "right side": (lambda x: (x - 1) / 2 + 3, ["− 1", "÷ 2", "+ 3"]),
    "powers": (lambda x: x**-3 * x**0.5, ["( )⁻³", "( )^0.5", "×"]),
    "negative": (lambda x: -x * -2.5, ["−( )", "× −2.5"]),
    "maximum": (lambda x: jnp.maximum(x, 0.0), ["max(( ), 0)"]),
    "rule": (jax.nn.relu, ["relu"]),
}


def test_labels() -> None:
    for function, expected in LABELS.values():
        assert labels(computation_graph(function, 0.5)) == expected
    swap = computation_graph(lambda x: jnp.vdot(*jax.lax.sort((x, -x))), jnp.array([2.0, 1.0]))
    assert labels(swap) == ["−( )", "sort (1)", "sort (2)", "matmul"]
    slices = computation_graph(lambda x: x[0, 1] + x[1:, ::2].sum() + x[1].sum(), jnp.ones((3, 4)))
    assert [label for label in labels(slices) if "x" in label] == [
        "x[0, 1]",
        "x[1:3, 0:4:2]",
        "x[1]",
    ]


def test_names() -> None:
    assert [n.identifier for n in computation_graph(lambda y, z1: y * z1 * y, 1.0, 2.0).nodes] == [
        "y",
        "z1",
        "z2",
        "y1",
    ]
    named = computation_graph(lambda *x: x[0]["w"] * x[1], {"w": 1.0}, 2.0)
    assert [node.identifier for node in named.nodes] == ["x0['w']", "x1", "y"]
    renamed = computation_graph(chain, 0.5, names={"w": 0}.keys())
    assert renamed.nodes[0].identifier == "w"


def wander(x: Any) -> Any:
    return jax.lax.while_loop(lambda c: c < 10, lambda c: c * 2, x)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("function", "args", "options", "message"),
    [
        (
            jnp.sin,
            (jnp.ones(3),),
            {},
            "expected function to return one floating-point scalar, got float32[3].",
        ),
        (lambda x: (x, x), (1.0,), {}, "scalar, got float32[], float32[]."),
        (lambda n: n, (1,), {}, "scalar, got int32[]."),
        (lambda x: None, (1.0,), {}, "scalar, got nothing."),
        (chain, (1.0,), {"names": ["a", "b"]}, "expected names to be one for each argument"),
        (jnp.add, (1.0, 2.0), {"names": ["a", "a"]}, "all different, got ('a', 'a')."),
        (chain, ("one",), {}, "expected x to be of real numbers, got str. Close over"),
        (chain, (1j,), {}, "expected x to be of real numbers, got complex. Close over"),
        (chain, (1.0,), {"jacobian_limit": -1}, "expected jacobian_limit >= 0, got -1"),
        (wander, (1.0,), {}, "differentiable backward, got the primitive 'while'. For a loop use"),
    ],
)
def test_mistakes(
    function: Callable[..., Any], args: tuple[Any, ...], options: Any, message: str
) -> None:
    with pytest.raises((ValueError, TypeError)) as raised:
        computation_graph(function, *args, **options)
    assert str(raised.value).startswith("expected ")
    assert message in str(raised.value)


def test_a_loop_that_no_gradient_passes_is_drawn() -> None:
    def scaled(x: Any, n: Any) -> Any:
        return x * wander(n).astype(x.dtype)

    graph = computation_graph(scaled, 1.5, jnp.array(3))
    assert labels(graph)[0] == "while"
    assert gradients(graph)["x"] == 12
