"""A time limit for a block of somebody else's code."""

import contextlib
import ctypes
import signal
import threading

AGAIN_S = 1.0  # where the first interruption is swallowed (inside a callback from C, say), another follows


class TimeLimit(BaseException):
    """Time is over. No Exception, so that `except Exception` in a submission does not swallow it."""


@contextlib.contextmanager
def limit(seconds):
    """Raises TimeLimit in the block after so many seconds, between two steps of Python.

    By a timer's signal in the main thread of a POSIX system, which also wakes what sleeps; elsewhere by an
    exception set from another thread. A call that never comes back from C ends with the process alone, whose
    own limit `grading.process` sets.
    """
    main = threading.current_thread() is threading.main_thread()
    with _signal(seconds) if main and hasattr(signal, "setitimer") else _thread(seconds):
        yield


@contextlib.contextmanager
def _signal(seconds):
    def ring(number, frame):
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _thread(seconds):
    watched, over, lock = ctypes.c_ulong(threading.get_ident()), threading.Event(), threading.Lock()

    def watch():
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(watched, ctypes.py_object(TimeLimit))
            wait = AGAIN_S

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            over.set()
