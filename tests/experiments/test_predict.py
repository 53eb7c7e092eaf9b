"""predict: predictions for images, and refused ones."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

import jaxnet
from experiments.harness.trained import save_trained
from experiments.images.grays import to_gray
from experiments.images.pictures import Frame, _decoded, measure_extent, read_pictures
from jaxnet.core.trees import digest
from jaxnet.networks import load_model, save_model
from tests.experiments.test_commands import recorded, run

FRAME = Frame(8, 8, 16, 1.0)
DIGITS = jaxnet.data.load_dataset("digits")
IMAGES = DIGITS.test.inputs.reshape(-1, 8, 8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the model file of a run and the results that it recorded."""
    out = tmp_path_factory.mktemp("model")
    results = recorded("learning_curves", out, "--epochs", "12")["results"]
    return out / "model.safetensors", results


def predict(out: Path, *arguments: str) -> list[dict[str, Any]]:
    record = recorded("predict", out, *arguments)
    assert record["figures"] == ["predictions.png"]
    return record["results"]["predictions"]


def as_png(path: Path, image: np.ndarray, *, times: int = 20, mode: str = "L") -> Path:
    """Write a digit like a scan: large, dark on light, off center."""
    large = np.kron(255 - image * (255 // 16), np.ones((times, times), int)).astype(np.uint8)
    page = np.pad(large, ((3 * times, times), (times, 5 * times)), constant_values=240)
    Image.fromarray(page).convert(mode, dither=Image.Dither.NONE).save(path)
    return path


@pytest.mark.slow
def test_the_file_of_a_run_reads_exactly_as_the_trained_network(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, results = trained
    model = load_model(path)
    assert digest(model.params) == results["parameter_digest"]
    assert model.training["test_accuracy"] == results["test_accuracy"]
    measured = jaxnet.training.evaluate(model.network, model.params, model.statistics, DIGITS.test)
    assert measured["accuracy"] == results["test_accuracy"]
    assert measured["loss"] == results["test_loss"]
    rows = predict(tmp_path, "--model", str(path), "--count", "359")
    right = np.mean([row["class"] == row["truth"] for row in rows])
    assert right == pytest.approx(results["test_accuracy"], abs=1e-6)


@pytest.mark.slow
def test_a_png_of_any_size_is_read_as_what_it_is(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = [str(as_png(tmp_path / f"{i}.png", IMAGES[i])) for i in range(40)]
    rows = predict(tmp_path / "out", *pages, "--model", str(trained[0]))
    right = [row["class"] == str(DIGITS.test.targets[i]) for i, row in enumerate(rows)]
    assert sum(right) >= 34  # the network itself misses some, and resizing blurs
    printed = capsys.readouterr().out
    assert "inverted: its ground is light" in printed
    assert "resized to" in printed
    assert "and 16 more" in printed


@pytest.mark.parametrize(
    ("suffix", "mode"), [("png", "L"), ("png", "RGBA"), ("png", "P"), ("jpeg", "RGB"), ("png", "1")]
)
def test_pictures_of_all_kinds_look_as_the_data_set_does(
    suffix: str, mode: str, tmp_path: Path
) -> None:
    (picture,) = read_pictures(
        as_png(tmp_path / f"page.{suffix}", IMAGES[1], mode=mode), FRAME, "auto"
    )
    original = IMAGES[1].astype(float).ravel()
    alike = np.corrcoef(picture.pixels.astype(float).ravel(), original)[0, 1]
    assert picture.pixels.dtype == np.uint8
    assert alike > (0.75 if mode == "1" else 0.9)


def test_a_picture_of_the_right_size_stays_as_it_is(tmp_path: Path) -> None:
    frame = Frame(28, 28, 255, 20 / 28)
    image = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    image[[0, -1]], image[:, [0, -1]] = 0, 0
    Image.fromarray(image).save(tmp_path / "image.png")
    (picture,) = read_pictures(tmp_path / "image.png", frame, "auto")
    np.testing.assert_array_equal(picture.pixels, image)
    assert picture.done == "as it is"
    (inverted,) = read_pictures(tmp_path / "image.png", frame, "yes")
    np.testing.assert_array_equal(inverted.pixels, 255 - image)


def test_ink_is_centered_by_mass_at_its_usual_size(tmp_path: Path) -> None:
    page = np.zeros((200, 100), np.uint8)
    page[10:110, 5:55] = 255  # twice as high as wide
    Image.fromarray(page).save(tmp_path / "bar.png")
    (picture,) = read_pictures(tmp_path / "bar.png", Frame(28, 28, 255, 20 / 28), "auto")
    expected = np.zeros((28, 28))
    expected[4:24, 9:19] = 255
    np.testing.assert_allclose(picture.pixels, expected, atol=2)
    assert measure_extent(picture.pixels[None]) == 20 / 28


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
def test_idx_files_hold_many_images(pack: Any, tmp_path: Path) -> None:
    images = (IMAGES[:3].astype(np.uint16) * 255 // 16).astype(np.uint8)
    header = b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in images.shape)
    (tmp_path / "images").write_bytes(pack(header + images.tobytes()))
    pictures = read_pictures(tmp_path / "images", FRAME, "auto")
    assert [picture.name for picture in pictures] == ["images[0]", "images[1]", "images[2]"]
    np.testing.assert_array_equal([picture.pixels for picture in pictures], IMAGES[:3])


@pytest.mark.parametrize(("code", "kind"), [(11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")])
def test_idx_files_of_other_types_hold_the_same_images(
    code: int, kind: str, tmp_path: Path
) -> None:
    images = (IMAGES[:3].astype(np.uint16) * 255 // 16).astype(kind)
    header = bytes((0, 0, code, 3)) + b"".join(size.to_bytes(4, "big") for size in images.shape)
    path = tmp_path / "images.idx3"
    path.write_bytes(header + images.tobytes())
    pictures = read_pictures(path, FRAME, "auto")
    np.testing.assert_array_equal([picture.pixels for picture in pictures], IMAGES[:3])
    for wrong in (0.5, -1, 256):
        images[0, 0, 0] = wrong
        path.write_bytes(header + images.tobytes())
        if images[0, 0, 0] == wrong:  # integers hold no 0.5
            with pytest.raises(ValueError, match=r"images\.idx3 to be whole numbers from 0 to 255"):
                read_pictures(path, FRAME, "auto")


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((8, 8), ["a.npy"]),
        ((64,), ["a.npy"]),
        ((2, 64), ["a.npy[0]", "a.npy[1]"]),
        ((2, 8, 8), ["a.npy[0]", "a.npy[1]"]),
    ],
    ids=str,
)
def test_arrays_are_the_networks_own_inputs(
    shape: tuple[int, ...], names: list[str], tmp_path: Path
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape) % 17 / 2
    np.save(tmp_path / "a.npy", array)
    pictures = read_pictures(tmp_path / "a.npy", FRAME, "auto")
    assert [picture.name for picture in pictures] == names
    np.testing.assert_array_equal(np.ravel([p.pixels for p in pictures]), array.ravel())


def saved(path: Path, array: Any) -> None:
    np.save(path.with_suffix(".npy"), array, allow_pickle=True)
    path.with_suffix(".npy").rename(path)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: it needs no space


def with_header(path: Path) -> None:
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (2**40, 8, 8)}
        np.lib.format.write_array_header_1_0(file, header)


def with_odd_metadata(path: Path) -> None:
    """Write a picture on its side, with a text as its resolution."""
    entries = bytes.fromhex("0112000300000001 00060000 011a000200000001 00000026")
    exif = b"MM\0*\0\0\0\x08\0\x02" + entries + bytes(4) + b"\0\0\0H\0\0\0\x01"
    Image.new("L", (9, 9)).save(path, exif=exif)


REFUSED: dict[str, tuple[Any, str]] = {
    "text": (lambda path: path.write_text("seven"), "to be a whole PNG, JPEG, .npy or IDX file"),
    "empty": (lambda path: path.write_bytes(b""), "to be a whole PNG, JPEG, .npy or IDX file"),
    "half a png": (
        lambda path: path.write_bytes(as_png(path, IMAGES[0]).read_bytes()[:120]),
        "to be a whole PNG",
    ),
    "white paper": (
        lambda path: Image.new("L", (90, 90), "white").save(path),
        "to show something, got gray values 0.00 to 0.00",
    ),
    "half a gzip": (
        lambda path: path.write_bytes(gzip.compress(b"\0\0\x08\1\0\0\0\x5b" + bytes(91))[:-9]),
        "to be whole gzip data",
    ),
    "labels": (
        lambda path: path.write_bytes(b"\0\0\x08\x01\0\0\0\x02ab"),
        "to hold images, (n, height, width), got values of shape (2,)",
    ),
    "shape": (lambda path: saved(path, np.ones((3, 9))), "to be of shape (n, 8, 8) or one of"),
    "no image": (lambda path: saved(path, np.ones((0, 64))), "to hold one image or more, got none"),
    "no image in IDX": (
        lambda path: path.write_bytes(b"\0\0\x08\x03\0\0\0\0\0\0\0\x08\0\0\0\x08"),
        "to hold one image or more, got none",
    ),
    "range": (lambda path: saved(path, np.full((8, 8), 17)), "finite and in [0, 16], got 17.0"),
    "NaN": (lambda path: saved(path, np.full((8, 8), np.nan)), "to be finite everywhere"),
    "objects": (lambda path: saved(path, np.array([{}])), "to be a whole array of numbers"),
    "strings": (lambda path: saved(path, np.full((8, 8), "a")), "to hold integers or floats"),
    "a folder": (lambda path: path.mkdir(), "to be a regular file, got a folder, pipe or device"),
    "a pipe": (os.mkfifo, "to be a regular file, got a folder, pipe or device"),
    "a device": (
        lambda path: path.symlink_to("/dev/zero"),
        "to be a regular file, got a folder, pipe or device",
    ),
    "a terabyte": (sparse, "of at most 1,073,741,824 bytes, got 1,099,511,627,776"),
    "a header of terabytes": (with_header, "to be a whole array of numbers"),
    "a large picture": (
        lambda path: Image.new("1", (30_000, 30_000)).save(path),
        "900000000 pixels) exceeds limit",
    ),
    "odd metadata": (with_odd_metadata, "to be a whole PNG"),
    "nothing": (lambda path: None, "to exist, got nothing at"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_no_image_ends_with_2(
    make: Any,
    message: str,
    trained: tuple[Path, dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "image.png"
    make(path)
    options = ("--model", str(trained[0]), "--out", str(tmp_path / "out"))
    assert run("predict", str(path), *options) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1


def test_without_a_model_the_message_tells_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", "--out", str(tmp_path)) == 2
    printed = capsys.readouterr().err
    assert "--model to be given" in printed
    assert "python -m experiments.learning_curves" in printed


def test_a_file_that_is_no_model_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").write_text("no model")
    assert run("predict", "--model", str(tmp_path / "model"), "--out", str(tmp_path)) == 2
    assert "to be a whole safetensors file" in capsys.readouterr().err


def test_a_model_without_metadata_of_images_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = jaxnet.mlp((64, 10))
    path = tmp_path / "model.safetensors"
    save_model(path, network, *network.init(jax.random.key(0), (64,)))
    assert run("predict", "--model", str(path), "--out", str(tmp_path)) == 2
    assert "to have class names, and image_shape and pixel_max" in capsys.readouterr().err


def test_a_model_of_one_output_has_the_probabilities_of_two_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = jaxnet.mlp((64, 1), head="binary", initializer="zeros")
    (dense, head), statistics = network.init(jax.random.key(0), (64,))
    printed = {"image_shape": [8, 8], "pixel_max": 16}
    path = save_model(
        tmp_path / "model",
        network,
        (dense._replace(bias=dense.bias + 2.0), head),
        statistics,
        class_names=("no", "yes"),
        preprocessing=printed,
        training={"dataset": "digits"},
    )
    assert run("predict", "--model", str(path), "--out", str(tmp_path)) == 2
    assert "to have the images and classes of digits" in capsys.readouterr().err
    np.save(tmp_path / "image.npy", IMAGES[0])
    rows = predict(tmp_path / "out", "--model", str(path), str(tmp_path / "image.npy"))
    assert rows[0]["class"] == "yes"
    assert rows[0]["probability"] == pytest.approx(1 / (1 + np.exp(-2.0)), rel=1e-6)


def test_a_model_whose_outputs_overflow_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = jaxnet.mlp((64, 3), input_scale=1 / 16)
    params, statistics = network.init(jax.random.key(0), (64,))
    path = save_model(
        tmp_path / "model",
        network,
        jax.tree.map(lambda w: np.full_like(w, 3e38), params),
        statistics,
        class_names=("a", "b", "c"),
        preprocessing={"image_shape": [8, 8], "pixel_max": 16},
    )
    np.save(tmp_path / "image.npy", IMAGES[0])
    assert (
        run("predict", "--model", str(path), "--out", str(tmp_path), str(path.parent / "image.npy"))
        == 2
    )
    assert "expected outputs of the model to be finite everywhere" in capsys.readouterr().err


@pytest.mark.slow
def test_smoke_trains_a_network_first(tmp_path: Path) -> None:
    rows = predict(tmp_path, "--smoke")
    assert len(rows) == 12
    assert load_model(tmp_path / "model.safetensors").training["epochs"] == 3


@pytest.mark.slow
def test_the_logs_of_a_run_are_written_up_to_its_divergence(tmp_path: Path) -> None:
    log, board = tmp_path / "log.jsonl", tmp_path / "board"
    options = ["--out", str(tmp_path), "--log", str(log), "--tensorboard", str(board)]
    assert run("learning_curves", "--smoke", *options) == 0
    record = json.loads((tmp_path / "result.json").read_text())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["train_loss"] for line in lines] == record["results"]["history"]["train"]["loss"]
    assert len(list(board.iterdir())) == 1
    diverging = ["--smoke", "--optimizer", "sgd", "--learning-rate", "1e30"]
    assert run("learning_curves", *diverging, *options) == 1
    (line,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert (line["epoch"], line["train_loss"]) == (1, None)
    assert len(list(board.iterdir())) == 2


def test_the_extent_of_ink_is_kept_with_the_model(tmp_path: Path) -> None:
    network = jaxnet.mlp((64, 10))
    optimizer = jaxnet.optim.sgd(0.1)
    state = jaxnet.training.init_state(network, optimizer, (64,), key=jax.random.key(0))
    model = load_model(save_trained(tmp_path, DIGITS, network, state, {}))
    printed = {"image_shape": [8, 8], "pixel_max": 16, "ink_extent": 1.0}
    assert model.preprocessing == printed


def test_16_bit_gray_is_read_as_8_bit_gray(tmp_path: Path) -> None:
    gray = np.random.default_rng(0).integers(0, 256, (20, 20)).astype(np.uint8)
    Image.fromarray(gray).save(tmp_path / "8.png")
    Image.fromarray(gray.astype(np.uint16) * 257).save(tmp_path / "16.png")
    files = sorted(tmp_path.iterdir())
    decoded = [to_gray(_decoded(path, path.read_bytes())) for path in files]
    np.testing.assert_array_equal(decoded[0], gray)
    np.testing.assert_array_equal(decoded[1], gray)
