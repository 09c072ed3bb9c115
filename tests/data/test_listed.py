"""ImageData: lists of images, in order or not, scaled; what cannot be read is told with its line."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest
from PIL import Image

from tcaffe.data.feed import Shard
from tcaffe.data.listed import read_list
from tcaffe.diagnostics import CompileError


@pytest.fixture
def source(tmp_path):
    """Six pictures of 5 x 4 pixels, one number each, and their list."""
    for k in range(6):
        Image.fromarray(np.full((5, 4, 3), 10 * k, np.uint8)).save(tmp_path / f"an image {k}.png")
    (tmp_path / "list.txt").write_text("".join(f"an image {k}.png {k}\n" for k in range(6)))
    return tmp_path / "list.txt"


def layer(source, batch=4, more="", transform=""):
    p = f'source: "{source}" root_folder: "{source.parent}/" batch_size: {batch} {more}'
    return (
        f'type: "ImageData" top: "data" top: "label" image_data_param {{ {p} }} transform_param {{ {transform} }}'
    )


def test_images_come_in_order_and_again(source, feed, labels):
    images = feed(layer(source))
    assert images.shapes == {"data": (4, 3, 5, 4), "label": (4,)}
    batch = images.batch({})
    np.testing.assert_array_equal(batch["data"][:, 0, 0, 0], [0, 10, 20, 30])
    assert labels(images, 2) == [[4, 5, 0, 1], [2, 3, 4, 5]]


def test_every_round_is_in_another_order(source, feed, labels):
    rounds = labels(feed(layer(source, 6, "shuffle: true"), train=True), 4)
    assert all(sorted(each) == [0, 1, 2, 3, 4, 5] for each in rounds)
    assert len(set(map(tuple, rounds))) > 1


@pytest.mark.parametrize("more", ["", "shuffle: true", "shuffle: true rand_skip: 5"])
def test_a_position_says_what_comes(source, feed, resumes, more):
    resumes(lambda: feed(layer(source, 4, more, "mirror: true crop_size: 3"), train=True, seed=2))


def test_shards_part_the_images(source, feed, labels):
    parts = [labels(feed(layer(source, 2, "shuffle: true"), train=True, shard=Shard(r, 3)), 1)[0] for r in range(3)]
    assert sorted(functools.reduce(operator.iadd, parts, [])) == [0, 1, 2, 3, 4, 5]


def test_a_skip_is_at_most_what_is_said(source, feed, labels):
    firsts = {labels(feed(layer(source, 1, "rand_skip: 3"), seed=s), 1)[0][0] for s in range(30)}
    assert firsts == {0, 1, 2}


def test_images_are_scaled_and_gray(source, feed):
    images = feed(layer(source, 2, "new_height: 8 new_width: 9 is_color: false"))
    assert images.batch({})["data"].shape == images.shapes["data"] == (2, 1, 8, 9)


def test_paths_may_have_spaces_and_labels_garbage(tmp_path):
    (tmp_path / "l").write_text("a b.png 3\n\n/c.png x\nd.png -2abc\n")
    assert [(i.path, i.label, i.line) for i in read_list(str(tmp_path / "l"))] == [
        ("a b.png", 3, 1), ("/c.png", 0, 3), ("d.png", -2, 4),
    ]  # fmt: skip


def test_what_cannot_be_used_is_told(source, feed, tmp_path):
    def refused(code, says, *args, **kwargs):
        with pytest.raises(CompileError, match=rf"(?s){code}: .*{says}"):
            feed(layer(*args, **kwargs)).batch({})

    refused("E0619", "`new_height` and `new_width` go together", source, more="new_height: 3")
    refused("E0619", "`rand_skip` is 6", source, more="rand_skip: 6")
    refused("E0619", "cannot be read: No such file", tmp_path / "none")
    (tmp_path / "bare").write_text("one.png\n")
    refused("E0619", "line 1 of .*bare` has no label", tmp_path / "bare")
    (tmp_path / "void").write_text("\n")
    refused("E0619", "is empty", tmp_path / "void")
    (tmp_path / "an image 2.png").write_bytes(b"no picture")
    refused("E0608", "an image 2.png` cannot be used.*line 3 of", source)
