"""Bundles: what is saved runs elsewhere with numpy alone, and what others saved can do no harm."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.runtime.executable import load
from tests.runtime import tiny

DATA = np.arange(12, dtype=np.float32).reshape(4, 3) - 5

ALONE = """
import sys
import numpy as np
from tcaffe.runtime.executable import load
exe = load(sys.argv[1])
print(*exe(data=np.ones((4, 3)))["sum"])
heavy = ("lark", "google", "click", "rich", "lmdb", "torch", "triton", "tcaffe.frontend", "tcaffe.passes",
         "tcaffe.codegen", "tcaffe.schema", "tcaffe.compiler", "tcaffe.ir.ops", "tcaffe.ir.parser")
print([name for name in heavy if name in sys.modules])
"""


@pytest.fixture
def saved(tmp_path):
    tiny.executable().save(tmp_path / "net")
    return tmp_path / "net"


def edit(saved, change):
    """Rewrite the manifest as `change` leaves it."""
    data = json.loads((saved / "manifest.json").read_text())
    change(data)
    (saved / "manifest.json").write_text(json.dumps(data))


def test_a_bundle_runs_like_what_was_saved(saved):
    exe, loaded = tiny.executable(), load(saved)
    np.testing.assert_array_equal(loaded(data=DATA)["sum"], exe(data=DATA)["sum"])
    assert loaded.source == exe.source
    assert loaded.plan == exe.plan
    assert loaded.program is None


def test_the_weights_are_mapped_read_only_on_cache_lines(saved):
    for array in load(saved).params.values():
        assert not array.flags.writeable and not array.flags.owndata
        assert array.ctypes.data % 64 == 0


def test_a_bundle_needs_numpy_alone(saved):
    run = subprocess.run([sys.executable, "-c", ALONE, str(saved)], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [" ".join(map(str, tiny.expected(np.ones((4, 3), np.float32)))), "[]"]


def test_saving_is_deterministic_and_replaces_an_older_bundle(saved, tmp_path):
    def content(folder):
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    before = content(saved)
    loaded = load(saved)
    loaded.save(saved)
    assert content(saved) == before
    assert [file.name for file in tmp_path.iterdir()] == ["net"]
    np.testing.assert_array_equal(loaded(data=DATA)["sum"], tiny.expected(DATA))


def test_something_else_is_not_overwritten(saved):
    (saved / "thesis.tex").write_text("ten years of work")
    for folder in (saved, saved / "thesis.tex"):
        with pytest.raises(CompileError, match=r"E0624.*exists and is not a bundle"):
            tiny.executable().save(folder)
    assert (saved / "thesis.tex").read_text() == "ten years of work"


def test_a_failed_save_leaves_the_old_bundle(saved, tmp_path):
    exe = tiny.executable()
    exe.params = {}
    with pytest.raises(KeyError):
        exe.save(saved)
    assert [file.name for file in tmp_path.iterdir()] == ["net"]
    load(saved)


@pytest.mark.parametrize("name, code", [("manifest.json", "E0620"), ("kernels.py", "E0620"), ("weights.bin", "E0623")])
def test_a_missing_file(saved, name, code):
    (saved / name).unlink()
    with pytest.raises(CompileError, match=code):
        load(saved)


def test_a_changed_source_or_short_weights(saved, tmp_path):
    (saved / "weights.bin").write_bytes(b"\0" * 64)
    with pytest.raises(CompileError, match=r"E0623.*should have 128 bytes, it has 64"):
        load(saved)
    (saved / "kernels.py").write_text(tiny.SOURCE + "\n")
    with pytest.raises(CompileError, match=r"E0622.*not the source"):
        load(saved)
    with pytest.raises(CompileError, match=r"E0620.*not a bundle"):
        load(tmp_path)


def test_hostile_source_with_a_matching_digest_is_refused(saved, tmp_path):
    hostile = tiny.SOURCE + f"\n\n__import__('pathlib').Path({str(tmp_path / 'owned')!r}).touch()\n"
    exe = tiny.executable()
    exe.source = hostile
    exe.save(saved)
    with pytest.raises(CompileError, match=r"E0622.*not made of kernels only"):
        load(saved)
    assert not (tmp_path / "owned").exists()


def manifest_changes():
    """What a hostile manifest may say, and what is answered."""

    def put(path, value):
        def change(data):
            *folders, last = path
            for step in folders:
                data = data[step]
            data[last] = value

        return change

    huge = 10**30
    return [
        (put(["format"], 2), "format 2 where this version reads 1"),
        (put(["views", 0, "offset"], -4), "out of range in view 'data'"),
        (put(["views", 0, "offset"], 100), "view 'data' reaches beyond the arena of 128 bytes"),
        (put(["views", 1, "strides"], [-20, 4]), "out of range in view 'hidden'"),
        (put(["views", 1, "strides"], [20]), "2 axes and 1 strides"),
        (put(["views", 1, "shape"], [huge, 0]), "the shape of 'hidden' is out of range"),
        (put(["views", 1, "shape"], [1 << 30, 1 << 30]), "too many elements"),
        (put(["views", 1, "shape"], [-1, 5]), "out of range"),
        (put(["views", 1, "shape"], [1.0, 5]), r"views\[1\].shape\[0\] is not an integer"),
        (put(["views", 1, "dtype"], "object"), "element type 'object' of 'hidden'"),
        (put(["views", 1, "name"], "data"), "'data' is defined twice"),
        (put(["plan", "size"], huge), "an arena of"),
        (put(["plan", "size"], True), "plan.size is not an integer"),
        (put(["params", 0, "offset"], 3), "out of range in parameter"),
        (put(["params", 0, "shape"], [1 << 40]), "too many elements"),
        (put(["calls", 0, "function"], "os.system"), "'os.system' is not the name of a kernel"),
        (put(["calls", 0, "function"], "task"), "no task with 5 arguments"),
        (put(["calls", 0, "params"], ["hidden.w"]), "no hidden with 4 arguments"),
        (put(["calls", 0, "inputs"], ["../../etc/passwd"]), "no view '../../etc/passwd'"),
        (put(["outputs"], {"prob": "nothing"}), "no view 'nothing'"),
        (put(["workers"], 10**9), "1000000000 workers"),
        (put(["inputs"], "data"), "inputs is not a list"),
        (put(["weights"], "/etc/passwd"), "unknown field `weights`"),
        (lambda data: data.pop("views"), "manifest has no `views`"),
    ]


@pytest.mark.parametrize("change, says", manifest_changes())
def test_hostile_manifests(saved, change, says):
    edit(saved, change)
    with pytest.raises(CompileError, match=f"E062.*{says}"):
        load(saved)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, '{"format": 1}', "\ud800"])
def test_manifests_that_are_none(saved, text):
    (saved / "manifest.json").write_text(text, errors="surrogatepass")
    with pytest.raises(CompileError, match="E062"):
        load(saved)
