"""A small subject that leaves processes behind, and notes on the side what it began and ended."""

import os
import signal
import subprocess
import time

LINGER_S = 120
WORK_S = 0.004


def note(*words: object) -> None:
    """Append a line to the side log in one write, so that lines of several processes stay whole."""
    line = " ".join(map(str, words)) + "\n"
    descriptor = os.open(os.environ["FAULTS_SIDE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def daemon() -> None:
    """Leave a process in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        note("grand", os.getpid())
        time.sleep(LINGER_S)
        os._exit(0)


def double_fork() -> None:
    """Leave an orphan that ignores SIGTERM and SIGHUP."""
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            note("grand", os.getpid())
            time.sleep(LINGER_S)
        os._exit(0)
    os.waitpid(middle, 0)


def background_shell() -> None:
    """Leave what a shell started in the background."""
    subprocess.run(f"sleep {LINGER_S} &", shell=True, check=True)


LEAVERS = (None, daemon, background_shell, double_fork)


def measure(x: int, seed: int) -> dict[str, float]:
    """Leave a process behind (three trials of four do), work a little, and return what depends on x and seed alone."""
    note("began", os.getpid(), x, seed)
    leave = LEAVERS[x % len(LEAVERS)]
    if leave:
        leave()
    time.sleep(WORK_S)
    result = {"y": x * 1.5 + seed % 1000, "z": 1 / (1 + x)}
    note("ended", os.getpid(), x, seed)
    return result
