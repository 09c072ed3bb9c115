"""Records of images: their keys, when a file is stored as it is, and what is left where something is wrong."""

from __future__ import annotations

import io
import os
from itertools import islice

import numpy as np
import pytest

from tcaffe.data.converting import COMMIT, Conversion, Made, convert, converted
from tcaffe.data.database import BACKENDS, Writer, open_database
from tcaffe.data.datum import read_datum
from tcaffe.data.image import decode_image, encode_image
from tcaffe.data.listed import Listed, read_list
from tcaffe.data.resize import resize
from tcaffe.diagnostics import CompileError
from tcaffe.schema import caffe_pb2

pytest.importorskip("PIL")
pytest.importorskip("plyvel")

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 6, 8), dtype=np.uint8)


@pytest.fixture
def root(tmp_path):
    """A folder of images, as it is put before their paths."""
    folder = tmp_path / "images"
    (folder / "sub dir").mkdir(parents=True)
    for name, kind in [("a.png", "png"), ("sub dir/b c.PNG", "png"), ("photo.jpeg", "jpg"), ("d.bmp", "bmp")]:
        (folder / name).write_bytes(encode_image(PIXELS, kind))
    (folder / "gray.png").write_bytes(encode_image(PIXELS[:1], "png"))
    (folder / "broken.png").write_bytes(b"hello")
    return f"{folder}/"


def made(root, path, label=3, place=0, **asked):
    return Conversion(root, **asked).record(place, Listed(path, label, 1))


def records(path, backend="lmdb"):
    database = open_database(str(path), backend)
    return list(islice(database.records(), len(database)))


def test_a_record_of_pixels(root):
    record = made(root, "sub dir/b c.PNG", place=12)
    assert (record.key, record.shape, record.copied) == (b"00000012_sub dir/b c.PNG", (3, 6, 8), False)
    pixels, label = read_datum(record.value)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert label == 3
    assert caffe_pb2.Datum.FromString(record.value).HasField("encoded"), "the original's tool says so, too"


def test_gray_is_what_a_reader_of_png_makes_of_colours(tmp_path):
    colours = [[154, 54, 56], [38, 116, 226], [49, 128, 21], [170, 87, 149]]  # blue, green, red: recorded as gray
    (tmp_path / "x.png").write_bytes(encode_image(np.array(colours, np.uint8).T[:, None], "png"))
    assert read_datum(made(f"{tmp_path}/", "x.png", gray=True).value)[0].ravel().tolist() == [66, 139, 86, 115]


def test_scaled(root):
    record = made(root, "a.png", size=(4, 5))
    np.testing.assert_array_equal(read_datum(record.value)[0], resize(PIXELS, 4, 5))
    assert record.shape == (3, 4, 5)


@pytest.mark.parametrize(
    "path, asked",
    [
        ("a.png", {}), ("a.png", {"kind": "png"}), ("sub dir/b c.PNG", {"kind": "png"}), ("photo.jpeg", {}),
        ("photo.jpeg", {"kind": "jpg"}), ("photo.jpeg", {"kind": "jpeg"}), ("d.bmp", {}),
        ("a.png", {"gray": True}), ("gray.png", {}),  # whoever reads them says which colours
    ],
)  # fmt: skip
def test_files_of_the_right_kind_are_stored_as_they_are(root, path, asked):
    record = made(root, path, encoded=True, **asked)
    datum = caffe_pb2.Datum.FromString(record.value)
    with open(root + path, "rb") as file:
        assert datum.data == file.read()
    assert (datum.encoded, datum.label, datum.HasField("channels"), record.copied) == (True, 3, False, True)


@pytest.mark.parametrize(
    "path, asked, start, shape",
    [
        ("photo.jpeg", {"kind": "png"}, b"\x89PNG", (3, 6, 8)),
        ("a.png", {"kind": "jpg"}, b"\xff\xd8", (3, 6, 8)),
        ("a.png", {"kind": "jpeg"}, b"\xff\xd8", (3, 6, 8)),
        ("a.png", {"size": (4, 5)}, b"\x89PNG", (3, 4, 5)),
        ("photo.jpeg", {"size": (4, 5)}, b"\xff\xd8", (3, 4, 5)),
        ("a.png", {"size": (6, 8), "gray": True}, b"\x89PNG", (1, 6, 8)),
    ],
)
def test_other_files_are_encoded_anew(root, path, asked, start, shape):
    record = made(root, path, encoded=True, **asked)
    data = caffe_pb2.Datum.FromString(record.value).data
    assert data.startswith(start)
    assert decode_image(io.BytesIO(data)).shape == shape == record.shape
    assert not record.copied


@pytest.mark.parametrize(
    "path, label, why",
    [
        ("none.png", 0, "No such file"),
        ("broken.png", 0, "it is no image of a known kind"),
        ("sub dir", 0, "it is not a file"),
        ("nul\0.png", 0, "its name cannot be"),
        ("a.png", 2**31, "does not fit in 32 bits"),
        ("pipe", 0, "it is not a file"),
    ],
)
def test_what_cannot_be_used_is_skipped(root, path, label, why):
    os.mkfifo(f"{root}pipe")
    image = Listed(path, label, 7)
    (skipped,) = converted([image], Conversion(root), 1)
    assert skipped.image is image
    assert why in skipped.why and f"`{root}{path}` cannot be used" in skipped.why


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_order_is_that_of_the_list_and_skipped_images_have_numbers(root, tmp_path, backend, threads):
    images = [Listed(path, k, k + 1) for k, path in enumerate(["a.png", "none.png", "d.bmp", "broken.png"] * 8)]
    ticks: list[None] = []
    summary = convert(
        images, Conversion(root), str(tmp_path / "db"), backend,
        source="list", threads=threads, done=lambda: ticks.append(None),
    )  # fmt: skip
    stored = records(tmp_path / "db", backend)
    assert [key for key, _ in stored] == [b"%08d_%s" % (k, images[k].path.encode()) for k in range(0, 32, 2)]
    assert [read_datum(value)[1] for _, value in stored] == list(range(0, 32, 2))
    assert (summary.records, len(summary.skipped), len(ticks)) == (16, 16, 32)
    assert summary.nbytes == sum(len(value) for _, value in stored)
    assert summary.shapes == {(3, 6, 8): 16}


def test_records_are_written_a_thousand_at_a_time(root, tmp_path, monkeypatch):
    sizes: list[int] = []
    commit = Writer.commit
    monkeypatch.setattr(Writer, "commit", lambda self: (sizes.append(len(self._pending)), commit(self)))
    images = [Listed("gray.png", 0, k) for k in range(COMMIT + 5)]
    convert(images, Conversion(root), str(tmp_path / "db"), "lmdb", source="list", threads=2)
    assert sizes == [1000, 5]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_nothing_is_left_where_it_ends_early(root, tmp_path, error):
    def stop():
        raise error

    with pytest.raises(error):
        convert([Listed("a.png", 0, 1)] * 20, Conversion(root), str(tmp_path / "db"), "lmdb", source="l", done=stop)
    assert not (tmp_path / "db").exists()


def test_nothing_is_left_where_nothing_can_be_read(root, tmp_path):
    with pytest.raises(CompileError, match=r"list:4:1: error E0608: .*broken"):
        convert([Listed("broken.png", 0, 4)], Conversion(root), str(tmp_path / "db"), "lmdb", source="list")
    assert not (tmp_path / "db").exists()


def test_one_size(root, tmp_path):
    (tmp_path / "images/small.png").write_bytes(encode_image(PIXELS[:, 1:], "png"))
    images = [Listed("a.png", 0, 1), Listed("small.png", 0, 2)]
    convert(images, Conversion(root), str(tmp_path / "any"), "lmdb", source="list")
    for encoded in (False, True):
        with pytest.raises(CompileError, match=r"list:2:1: error E0608: .*small.*\[3, 5, 8\].*\[3, 6, 8\]"):
            convert(
                images, Conversion(root, encoded=encoded), str(tmp_path / "db"), "lmdb", source="list", one_size=True
            )
    assert not (tmp_path / "db").exists()


def test_a_name_too_long_for_a_key_is_told(root, tmp_path):
    path = "sub dir/../" * 60 + "a.png"
    with pytest.raises(CompileError, match=r"E0616: the key .* has 674 bytes, an LMDB takes 511"):
        convert([Listed(path, 0, 1)], Conversion(root), str(tmp_path / "db"), "lmdb", source="list")
    convert([Listed(path, 0, 1)], Conversion(root), str(tmp_path / "db"), "leveldb", source="list")


def test_names_of_any_bytes(root, tmp_path):
    os.rename(f"{root}a.png", os.fsencode(root) + b"\xff\xfe.png")
    (tmp_path / "list").write_bytes(b"\xff\xfe.png 1\n")
    (made,) = converted(read_list(str(tmp_path / "list")), Conversion(root), 1)
    assert isinstance(made, Made)
    assert made.key == b"00000000_\xff\xfe.png"
