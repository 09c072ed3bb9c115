from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tcaffe.cli.results import best_classes, read_labels, safe_member, write_npz

pytest.importorskip("PIL")
from PIL import Image


@pytest.fixture
def bundle(cli, net, tmp_path: Path) -> Path:
    assert cli("compile", net, "-o", tmp_path / "tiny.bundle").exit_code == 0
    return tmp_path / "tiny.bundle"


def test_random_numbers_are_said_to_be_random(cli, net) -> None:
    result = cli("run", net, "--top", 2)
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "no weights: the parameters are as their fillers make them",
        "random numbers for data",
    ]
    assert result.stdout.startswith("output  shape")
    assert "first run" in result.stdout


def test_a_bundle_gives_what_its_net_gives(cli, net, bundle, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((2, 3, 8, 8), np.float32))
    outputs = []
    for thing in (net, bundle):
        result = cli("run", thing, "--input", f"data={tmp_path / 'x.npy'}", "-o", tmp_path / "y.npz", "--repeat", 2)
        assert "in the median of 2 runs" in result.stdout
        assert "random" not in result.stderr
        outputs.append(np.load(tmp_path / "y.npz")["prob"])
    np.testing.assert_allclose(*outputs, rtol=1e-6)
    np.testing.assert_allclose(outputs[0].sum(1), 1, rtol=1e-5)


def test_images_make_a_batch(cli, net, tmp_path: Path) -> None:
    files = []
    for k in range(3):
        Image.new("RGB", (20, 10), (k, 100, 200)).save(tmp_path / f"{k}.png")
        files += ["--input", tmp_path / f"{k}.png"]
    found = json.loads(cli("run", net, *files, "--json").stdout)
    assert found["outputs"]["prob"]["shape"] == [3, 5]
    assert found["random"] == []


def test_pixels_arrive_as_caffe_wants_them(cli, tmp_path: Path) -> None:
    net = tmp_path / "same.prototxt"
    net.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 } } }\n'
        'layer { name: "out" type: "Power" bottom: "data" top: "out" power_param { scale: 2 } }'
    )
    Image.new("RGB", (9, 9), (10, 20, 30)).save(tmp_path / "x.png")

    def fed(*options: object) -> list[float]:
        out = tmp_path / "y.npz"
        assert cli("run", net, "-i", tmp_path / "x.png", "-o", out, *options).exit_code == 0
        return (np.load(out)["out"][0, :, 0, 0] / 2).tolist()

    assert fed() == [30, 20, 10]
    assert fed("--rgb", "--mean", "1,2,3") == [9, 18, 27]
    assert fed("--mean", "10", "--scale", "0.5") == [10, 5, 0]
    np.save(tmp_path / "mean.npy", np.full((3, 4, 4), 2.0))
    assert fed("--mean", tmp_path / "mean.npy") == [28, 18, 8]


def test_a_single_number_is_fed_as_one(cli, tmp_path: Path) -> None:
    net = tmp_path / "one.prototxt"
    net.write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { } } }\n'
        'layer { name: "y" type: "Power" bottom: "x" top: "y" power_param { scale: 2 } }'
    )
    np.save(tmp_path / "x.npy", np.float32(3))
    file = ["-i", tmp_path / "x.npy"]
    assert cli("run", net, *file, "-o", tmp_path / "y.npz").exit_code == 0
    assert np.load(tmp_path / "y.npz")["y"] == 6
    result = cli("run", net, *file, *file)
    assert result.exit_code == 1 and "E0611" in result.stderr


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: np.save(p.with_suffix(".npy"), np.zeros((5, 5))), "E0611: input `data` is [2, 3, 8, 8]"),
        (lambda p: np.save(p.with_suffix(".npy"), np.array(["a"] * 2)), "E0611"),
        (lambda p: p.with_suffix(".npy").write_bytes(b"\x93NUMPY junk"), "E0611"),
        (lambda p: p.with_suffix(".npz").write_bytes(b"PK junk"), "E0611"),
        (lambda p: p.with_suffix(".jpg").write_bytes(b"junk"), "E0608: cannot read"),
        (lambda p: None, "E0604"),
    ],
)
def test_what_cannot_be_fed(cli, net, tmp_path: Path, make, message: str) -> None:
    make(tmp_path / "x")
    path = next(tmp_path.glob("x.*"), tmp_path / "gone.npy")
    result = cli("run", net, "--input", f"data={path}")
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_pickle_is_not_unpickled(cli, net, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "boom",)

    np.save(tmp_path / "x.npy", np.array([Bomb()], object), allow_pickle=True)
    assert cli("run", net, "-i", tmp_path / "x.npy").exit_code == 1
    assert not (tmp_path / "boom").exists()


def test_a_bundle_has_one_shape(cli, bundle, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 8, 8)))
    result = cli("run", bundle, "-i", tmp_path / "x.npy")
    assert (result.exit_code, "it was given [1, 3, 8, 8]" in result.stderr) == (1, True)
    assert cli("run", bundle, "--weights", "w").exit_code == 2


def test_labels(cli, net, tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("n01440764 tench, Tinca tinca\ncat\n[red]dog[/]\n\x1b[31mred\nfive\n")
    assert read_labels(str(tmp_path / "l.txt"))[:2] == ["tench, Tinca tinca", "cat"]
    output = cli("run", net, "--labels", tmp_path / "l.txt").stdout
    assert "[red]dog[/]" in output
    assert "\x1b" not in output


def test_the_best_classes() -> None:
    assert best_classes(np.array([[0.1, 0.5, 0.5, 0.2]]), 3) == [[(1, 0.5), (2, 0.5), (3, 0.2)]]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("loss3/classifier", "loss3/classifier"),
        ("../../etc/x", "..%2F..%2Fetc%2Fx"),
        ("/etc/x", "%2Fetc%2Fx"),
        ("C:\\x", "C%3A%5Cx"),
        ("a\nb", "a%0Ab"),
        ("..", ".."),
    ],
)
def test_names_in_a_file_of_arrays_lead_nowhere(tmp_path: Path, name: str, member: str) -> None:
    assert safe_member(name) == member
    write_npz(tmp_path / "x.npz", {name: np.arange(3)})
    with zipfile.ZipFile(tmp_path / "x.npz") as file:
        assert file.namelist() == [f"{member}.npy"]
    assert np.load(tmp_path / "x.npz")[member].tolist() == [0, 1, 2]
