"""Worker pools: the threads that a kernel's tasks are split over."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

try:
    import threadpoolctl
except ImportError:  # a bundle runs with numpy alone; BLAS is then as many-threaded as its environment says
    threadpoolctl = None

Task = Callable[[int, int], None]


class WorkerPool:
    """`workers` threads that run tasks together; the calling thread is worker 0, so 1 means no threads at all.

    While it is `awake` its threads wait for work by spinning: they start on a task within microseconds, where waking
    a sleeping thread takes longer than many a kernel. Any number of threads may call it, one run at a time goes on.
    """

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)
        self._lock = threading.RLock()
        latch: Callable[[], Latch] = SpinLatch if can_spin(self.workers) else LockLatch
        self._crew = crew = Crew(tuple(Worker(k, latch(), latch()) for k in range(1, self.workers)))
        for worker in crew.workers:
            threading.Thread(target=crew.serve, args=(worker,), name=f"tcaffe-{worker.index}", daemon=True).start()
        weakref.finalize(self, crew.close)

    def run(self, task: Task, count: int) -> None:
        """Call `task(i, worker)` for every i below `count`, in any order; raises what a task raises, at the end."""
        if count <= 1 or not self._crew.workers:
            for i in range(count):
                task(i, 0)
            return
        with self.awake():
            self._crew.run(Job(task, count))

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Keep the threads at the ready, and BLAS to one thread each: worth it around several runs."""
        crew = self._crew
        with self._lock:
            if crew.awake.is_set() or not crew.workers:
                yield
                return
            with ONE_BLAS_THREAD:
                crew.awake.set()
                try:
                    yield
                finally:
                    crew.sleep()

    def close(self) -> None:
        """End the threads. A closed pool runs on the calling thread alone."""
        with self._lock:
            self._crew.close()


class Crew:
    """The threads of a pool and what they share. It outlives the pool by a moment: its threads hold it."""

    def __init__(self, workers: tuple[Worker, ...]) -> None:
        self.workers = workers
        self.awake = threading.Event()
        self.closed = False
        self.job: Job | None = None

    def run(self, job: Job) -> None:
        """Do `job` together with the calling thread; raises what a task raised."""
        self.job = job
        for worker in self.workers:
            worker.door.open()
        job.work(0)
        self.job = None
        for worker in self.workers:
            while worker.job is job:  # one that has not got round to this job yet is not waited for
                worker.done.wait()
        if job.error is not None:
            raise job.error

    def sleep(self) -> None:
        """Send the threads to sleep until `awake` is set."""
        self.awake.clear()
        for worker in self.workers:
            worker.door.open()

    def close(self) -> None:
        """Let the threads end."""
        self.closed = True
        self.awake.set()
        for worker in self.workers:
            worker.door.open()
        self.workers = ()

    def serve(self, worker: Worker) -> None:
        """The life of one thread. Floating point goes as in C: infinities and not-a-numbers are results, not events."""
        with np.errstate(all="ignore"):
            while not self.closed:
                self.awake.wait()
                while self.awake.is_set() and not self.closed:
                    worker.door.wait()
                    if (job := self.job) is not None:
                        worker.job = job
                        job.work(worker.index)
                        worker.job = None
                        worker.done.open()


class Job:
    """One run: workers take indices from one iterator until none is left."""

    def __init__(self, task: Task, count: int) -> None:
        self.task = task
        self.indices = iter(range(count))
        self.error: BaseException | None = None

    def work(self, worker: int) -> None:
        """Do a share. After an error nobody takes another index."""
        try:
            for i in self.indices:
                self.task(i, worker)
        except BaseException as error:  # it belongs to the caller of `run`, whatever it is
            self.error = error
            for _ in self.indices:
                pass


class Latch(Protocol):
    """What one thread waits at until another opens it. Opening an open one changes nothing; passing closes it."""

    def open(self) -> None:
        """Let one waiting or coming thread pass."""

    def wait(self) -> None:
        """Block until it is open, and close it."""


class LockLatch:
    """A latch at which a thread sleeps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        """Let one thread pass."""
        if self._lock.locked():
            self._lock.release()

    def wait(self) -> None:
        """Sleep until it is open, and close it."""
        self._lock.acquire()


class SpinLatch:
    """A latch at which a thread spins in C, without the interpreter's lock: a spin lock of the C library."""

    def __init__(self) -> None:
        self._memory = (ctypes.c_int * 64)()  # cache lines of its own
        place = ctypes.c_void_p(ctypes.addressof(self._memory) + 128)
        blocking, brief = ctypes.CDLL(None), ctypes.PyDLL(None)  # the former gives up the interpreter's lock
        brief.pthread_spin_init(place, 0)
        brief.pthread_spin_lock(place)
        self._wait, self._open, self._place = blocking.pthread_spin_lock, brief.pthread_spin_unlock, place

    def open(self) -> None:
        """Let one thread pass."""
        self._open(self._place)

    def wait(self) -> None:
        """Spin until it is open, and close it."""
        self._wait(self._place)


class Worker:
    """A thread of a pool: where it waits, where it is waited for, and the job it is at."""

    def __init__(self, index: int, door: Latch, done: Latch) -> None:
        self.index, self.door, self.done = index, door, done
        self.job: Job | None = None


def can_spin(workers: int) -> bool:
    """Whether the C library has spin locks and every worker may have a core of its own."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) >= workers


class BlasLimit:
    """Holds BLAS to one thread while anybody is inside; the last to leave puts back what was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._controller: Any = None
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1 and threadpoolctl is not None:
                self._controller = self._controller or threadpoolctl.ThreadpoolController()
                self._take_control()
                self._limit = self._controller.limit(limits=1, user_api="blas")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._limit is not None:
                self._take_control()
                self._limit.restore_original_limits()
                self._limit = None

    def _take_control(self) -> None:
        """Make this thread the one that threadpoolctl lets set limits: by default it is the first that ever did."""
        for library in self._controller.lib_controllers:
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread(force=True)


ONE_BLAS_THREAD = BlasLimit()
