"""Which learning rate and how much dropout does the network need, and how sure is the answer?

Trains a grid of learning rates and drop rates with several seeds in one sweep: one program, one
network per CPU core at a time. Settings are compared on validation examples, seed by seed, by their
error rate, or of a regression by their loss. Of those
within one standard error of the best, the one with the least dropout is chosen. It is trained on
all training examples, once per seed, and tested once. Prints the table of settings; draws error
rates, divergence and the spread over seeds.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import jax
import numpy as np

import jaxnet
from experiments.harness.networks import ends, fitting_batch, load_data, loss_of, things
from experiments.harness.options import (
    Count,
    Part,
    Seed,
    Strength,
    Width,
    Within,
    check_some,
    is_default,
)
from experiments.harness.progress import announce_resumption
from experiments.harness.record import Claim, conclude, prepare_folder
from experiments.harness.trained import hold_out
from experiments.hyperparameter_sweep.figure import draw_sweep
from experiments.hyperparameter_sweep.verdict import (
    Verdict,
    describe,
    judge,
    measure_of,
    sweep_claims,
    test_claim,
)
from jaxnet.core.errors import invalid_value
from jaxnet.data import Dataset, Examples
from jaxnet.training import (
    Recipe,
    SweepResult,
    grid,
    make_recipe,
    steps_per_epoch,
    sweep,
    use_cores_as_devices,
)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the sweep."""

    dataset: str = "digits"
    """A data set by name, such as digits, iris, diabetes or mnist, a folder of images by class, or
    a table, .csv, .parquet or .npz; see learning_curves --help."""
    target: str | None = None
    """Of a table: the column to predict, of numbers, or of text or whole numbers for classes."""
    task: Literal["auto", "classification", "regression"] = "auto"
    """Of a table: whether the target is a class or a number; auto looks at its values."""
    ignore: tuple[str, ...] = ()
    """Of a table: columns to leave out, such as identifiers."""
    data_dir: Path | None = None
    """Folder that holds mnist/, cifar10/, ...; by default $JAXNET_DATA, else the user's cache."""
    learning_rates: tuple[Strength, ...] = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
    """Learning rates of Adam; each decays to 0 along half a cosine."""
    drop_rates: tuple[Part, ...] = (0.0, 0.1, 0.25, 0.5)
    """Part of the hidden units that dropout omits in each step."""
    seeds: Annotated[int, Within(2)] = 5
    """Networks per setting, 2 or more; as many are tested."""
    hidden: Width = 100
    """Units of each of the two hidden layers."""
    epochs: Count | None = None
    """Number of epochs; by default 30, with 20,000 training examples or more 5."""
    batch_size: Count = 100
    """Examples per step."""
    validation_fraction: Part = 0.2
    """Part of the training examples for validation."""
    seed: Seed = 0
    """Seed of the split, and of all networks."""
    checkpoint: Path | None = None
    """Folder of checkpoints: a killed sweep resumes and ends with the same result."""
    out: Path = Path("out/hyperparameter_sweep")
    """Folder for result.json and the figure."""


SMOKE = Config(learning_rates=(1e-3, 1e-2), drop_rates=(0.0, 0.5), seeds=2, epochs=2)


def main(config: Config) -> list[Claim]:
    """Sweep, choose, test once, and write the record."""
    check_some("--learning-rates", config.learning_rates)
    check_some("--drop-rates", config.drop_rates)
    out = prepare_folder(config.out)
    use_cores_as_devices()
    dataset = load_data(config)
    usual = 30 if len(dataset.train.targets) < 20_000 else 5
    epochs = usual if config.epochs is None else config.epochs
    train, validation = hold_out(dataset, config.validation_fraction, seed=config.seed)
    result = search(config, dataset, epochs, train, validation)
    measure = measure_of(dataset)
    verdict = judge(result, len(validation.targets), measure)
    chosen = result.settings.row(verdict.chosen)
    tested = test_once(config, dataset, epochs, chosen)
    title = f"{describe(verdict)}\n{describe_chosen(chosen, tested, dataset)}"
    print(
        result.table(measure.metric, top=10),
        describe_sweep(result, verdict),
        title,
        sep="\n",
    )
    figure = draw_sweep(out / "hyperparameter_sweep.png", result, verdict, title=title)
    claims = []
    if dataset.class_names:
        claims = check_claims(config, verdict, tested, len(dataset.test.targets))
    return conclude(
        config,
        seeds=[config.seed],
        results={
            "chosen": chosen,
            "verdict": verdict._asdict() | {"tied": verdict.tied, "sampling": verdict.sampling},
            "test_accuracies" if dataset.class_names else "test_losses": tested,
            "runs": result.records(),
            "diverged": int(result.diverged.sum()),
            "trials": result.trials,
            "compile_seconds": result.compile_seconds,
            "run_seconds": result.run_seconds,
        },
        claims=claims,
        figures=[figure],
    )


def describe_sweep(result: SweepResult, verdict: Verdict) -> str:
    """Return lines with times, and of classes the standard error of the validation examples."""
    times = (
        f"{verdict.errors.size * len(result.keys)} networks: compiled in "
        f"{result.compile_seconds:.1f} s, trained in {result.run_seconds:.1f} s on "
        f"{result.devices} devices, {result.width} at a time on each"
    )
    if not verdict.measure.is_rate:
        return times
    return (
        f"{times}\nstandard error of {verdict.images:,} validation examples: {verdict.sampling:.2%}"
    )


def describe_chosen(chosen: dict[str, Any], tested: np.ndarray, dataset: Dataset) -> str:
    """Return a line with the chosen setting and its result on the test examples."""
    setting = f"{chosen['learning_rate']:g} with drop rate {chosen['drop_rate']:g}"
    mean, spread = tested.mean(), tested.std(ddof=1)
    examples = f"test {things(dataset)} {dataset.caveat}".rstrip()
    if not dataset.class_names:
        return f"chosen: {setting}: loss {mean:.3g} ± {spread:.2g} on the {examples}"
    verb = "read" if dataset.image_shape else "classified"
    return f"chosen: {setting}: {mean:.2%} ± {spread:.2%} of the {examples} {verb} correctly"


def make_builder(config: Config, dataset: Dataset, epochs: int, examples: int) -> Any:
    """Return the builder of a network for a learning rate and a drop rate."""
    inputs, outputs = ends(dataset)
    steps = epochs * steps_per_epoch(examples, batch_size=fitting_batch(config, examples))

    def build(learning_rate: Any, drop_rate: Any) -> Recipe:
        network = jaxnet.mlp(
            (inputs, config.hidden, config.hidden, outputs),
            input_scale=dataset.input_scale,
            drop_rate=drop_rate,
        )
        schedule = jaxnet.schedules.cosine_decay(learning_rate, steps)
        return Recipe(network, jaxnet.optim.adam(schedule), loss_of(dataset))

    return build


def search(
    config: Config, dataset: Dataset, epochs: int, train: Examples, validation: Examples
) -> SweepResult:
    """Train with every setting, and evaluate on held-out training examples."""
    settings = grid(learning_rate=config.learning_rates, drop_rate=config.drop_rates)
    return sweep(
        make_builder(config, dataset, epochs, len(train.targets)),
        train,
        settings=settings,
        epochs=epochs,
        validation=validation,
        on_progress=announce_resumption(config.checkpoint),
        progress=config.dataset,
        checkpoint=config.checkpoint,
        **how(config, len(train.targets)),
    )


def how(config: Config, examples: int) -> dict[str, Any]:
    """Return the arguments that all sweeps share."""
    return {
        "key": jax.random.key(config.seed),
        "seeds": config.seeds,
        "batch_size": fitting_batch(config, examples),
        # reproducible bits; other devices need many networks at a time
        "width": 1 if jax.default_backend() == "cpu" else "auto",
    }


def test_once(config: Config, dataset: Dataset, epochs: int, chosen: dict[str, Any]) -> np.ndarray:
    """Return test accuracies of the chosen setting, trained on all training examples.

    Of a regression they are losses.

    Raises:
        ValueError: if a run diverges.
    """
    examples, loss = len(dataset.train.targets), loss_of(dataset)
    build = make_builder(config, dataset, epochs, examples)
    result = sweep(build, dataset.train, settings=[chosen], epochs=epochs, **how(config, examples))
    if result.diverged.any():
        expected, remedy = f"{chosen} to train on all examples", "Try smaller --learning-rates."
        raise invalid_value("setting", expected, "one that diverges", remedy)
    network = make_recipe(build, chosen).network
    members = [result.member(0, seed) for seed in range(config.seeds)]
    evaluate = functools.partial(jaxnet.training.evaluate, network, loss=loss)
    tested = [evaluate(each.params, each.statistics, dataset.test) for each in members]
    return np.array([metrics["accuracy" if dataset.class_names else "loss"] for metrics in tested])


def check_claims(
    config: Config, verdict: Verdict, tested: np.ndarray, test_images: int
) -> list[Claim]:
    """Compare the answer of the default settings with the claims."""
    free = ("dataset", "data_dir", "seed", "checkpoint", "out")
    if not is_default(config, free=free):
        return []
    if config.dataset != "digits":
        return [test_claim(verdict, tested, test_images)]
    return sweep_claims(verdict, tested, test_images)
