"""Runs a server that dies with its parent. Started as a script, by path: imports nothing of ours.

    python -I guard.py PARENT_PID COMMAND...

On Linux the kernel is asked to send SIGTERM when the parent dies, and this process becomes the
server. Elsewhere it stays and watches.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1


def become(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # else it died before the kernel was asked
        os.execv(command[0], command)  # noqa: S606 - the caller's own command


def watch(parent: int, command: list[str]) -> int:
    server = subprocess.Popen(command, close_fds=False)  # noqa: S603 - the caller's own
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    while server.poll() is None:
        if os.getppid() != parent:
            server.terminate()
            return server.wait()
        time.sleep(0.2)
    return server.returncode


if __name__ == "__main__":
    if sys.platform == "linux":
        become(int(sys.argv[1]), sys.argv[2:])
    else:
        sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))
