"""Executables: results, arguments, tracebacks, threads, memory."""

import gc
import linecache
import threading
import traceback
import tracemalloc

import numpy as np
import pytest

from tcaffe.diagnostics import CompileError
from tcaffe.runtime.executable import Executable
from tests.runtime import tiny

DATA = np.array([[1, 2, 3], [4, 5, 6], [-1, 0, 1], [2, -2, 0]], np.float32)


def test_it_computes_new_arrays_under_the_output_names():
    exe = tiny.executable()
    first = exe(data=DATA)
    exe(data=-DATA)
    assert first.keys() == {"sum"}
    np.testing.assert_array_equal(first["sum"], tiny.expected(DATA))


def test_whatever_numpy_can_turn_into_an_input_is_one():
    assert tiny.executable()(data=DATA.astype(np.float64).tolist())["sum"].dtype == np.float32


@pytest.mark.parametrize(
    "given, error, says",
    [
        ({}, TypeError, r"input 'data' is missing: float32 \[4, 3\]"),
        ({"dat": DATA}, TypeError, "no input 'dat'; did you mean `data`"),
        ({"data": DATA[:2]}, ValueError, r"input 'data' is \[4, 3\], it was given an array of \[2, 3\]"),
        ({"data": DATA.astype(complex)}, TypeError, "is float32, it was given complex128"),
        ({"data": [["a"] * 3] * 4}, TypeError, "it was given <U1"),
    ],
)
def test_unsuitable_inputs(given, error, says):
    with pytest.raises(error, match=says):
        tiny.executable()(**given)


def test_a_context_is_filled_and_read_in_place():
    context = tiny.executable().context()
    for data in (DATA, DATA * 2):
        context.inputs["data"][...] = data
        context.run()
        np.testing.assert_array_equal(context.outputs["sum"], tiny.expected(data))


def test_a_timed_run_computes_the_same_and_tells_the_seconds_of_each_kernel():
    context = tiny.executable().context()
    context.inputs["data"][...] = DATA
    seconds = context.timed()
    np.testing.assert_array_equal(context.outputs["sum"], tiny.expected(DATA))
    assert len(seconds) == 2 and min(seconds) > 0


def test_the_arena_has_the_planned_size_and_starts_on_a_cache_line():
    exe = tiny.executable()
    arena = exe.context().arena.bytes
    assert arena.nbytes == exe.plan.size
    assert arena.ctypes.data % 64 == 0


def test_a_steady_run_allocates_nothing_however_large_the_net():
    context = tiny.executable(rows=100_000).context()
    context.inputs["data"][...] = 1
    context.run()
    tracemalloc.start()
    try:
        context.run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert context.arena.bytes.nbytes == 3_200_000
    assert peak < tiny.NUMPY_BUFFERS  # one copy of `hidden` would be two million bytes


def test_threads_share_one_executable():
    exe, wrong = tiny.executable(rows=64), []

    def work(seed):
        data = np.random.default_rng(seed).integers(-9, 9, (64, 3)).astype(np.float32)
        wrong.extend(seed for _ in range(50) if not np.array_equal(exe(data=data)["sum"], tiny.expected(data)))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_calls_one_after_the_other_reuse_one_arena(monkeypatch):
    exe = tiny.executable()
    made = []
    monkeypatch.setattr(exe, "context", lambda: made.append(Executable.context(exe)) or made[-1])
    for _ in range(5):
        exe(data=DATA)
    assert len(made) == 1


def test_a_traceback_shows_the_emitted_line():
    source = tiny.SOURCE.replace("np.add.reduce(hidden, axis=1, out=out)", "np.add.reduce(hidden, axis=7, out=out)")
    exe = Executable(tiny.manifest(), source, tiny.weights())
    with pytest.raises(ValueError) as caught:
        exe(data=DATA)
    assert "np.add.reduce(hidden, axis=7, out=out)" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_an_executable_leaves_nothing_behind():
    gc.collect()
    before = set(linecache.cache)
    exe = tiny.executable()
    exe(data=DATA)
    del exe
    gc.collect()
    assert not {name for name in set(linecache.cache) - before if name.startswith("<tcaffe")}


def test_dump_names_what_there_is():
    exe = Executable(tiny.manifest(), tiny.SOURCE, tiny.weights(), texts={"fuse": "program @tiny {}"})
    assert exe.dump("fuse") == "program @tiny {}"
    with pytest.raises(KeyError, match="one after fuse"):
        exe.dump("layout")


def test_parameters_cannot_be_written_by_readers_and_follow_their_owner():
    weights = tiny.weights()
    exe = Executable(tiny.manifest(), tiny.SOURCE, weights)
    with pytest.raises(ValueError, match="read-only"):
        exe.params["hidden.b"][0] = 1
    weights["hidden.w"][...] = 0
    weights["hidden.b"][...] = 1
    np.testing.assert_array_equal(exe(data=DATA)["sum"], [5, 5, 5, 5])


def test_a_call_that_the_source_does_not_answer():
    with pytest.raises(CompileError, match=r"E0622.*no out with 3 arguments"):
        Executable(tiny.manifest(), tiny.SOURCE.replace("def out(", "def other("), tiny.weights())
