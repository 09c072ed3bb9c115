"""The worker pool: BLAS and threads."""

import threading

import pytest

from tcaffe.runtime.pool import WorkerPool

threadpoolctl = pytest.importorskip("threadpoolctl")


def blas_threads() -> list[int]:
    """The threads of numpy's BLAS; other libraries may bring one of their own."""
    libraries = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    return [library["num_threads"] for library in libraries if "numpy" in library["filepath"]]


def test_blas_has_one_thread_during_a_run_whoever_calls_it():
    before, seen = blas_threads(), []

    def call():
        with WorkerPool(2).awake():
            seen.append(blas_threads())

    for target in (call, call):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
        call()
    assert seen == [[1] * len(before)] * 4
    assert blas_threads() == before


def test_blas_gets_its_threads_back_when_the_last_run_ends_on_another_thread():
    before, started = blas_threads(), threading.Event()
    release = threading.Event()

    def call():
        with WorkerPool(2).awake():
            started.set()
            release.wait()

    thread = threading.Thread(target=call)
    with WorkerPool(2).awake():
        thread.start()
        started.wait()
    assert blas_threads() == [1] * len(before)
    release.set()
    thread.join()
    assert blas_threads() == before
