"""Run `serve` and end it when the parent process is gone.

The parent holds the other end of standard input. The kernel closes it however the parent dies,
kill -9 included, so that no bot outlives its demo.
"""

import os
import runpy
import signal
import threading


def _follow() -> None:
    # Read the descriptor itself: a thread waiting in sys.stdin would hold its lock at exit.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_follow, daemon=True).start()
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
