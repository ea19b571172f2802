"""The worker: a process of its own that runs one function's handlers under ``awslambdaric``.

Started by file (``python worker.py PARENT_PID``) with a handler's environment. It imports nothing of terrella, so that
a cold start costs the interpreter, ``awslambdaric`` and the handler's own imports, no more.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    """However the region ends, SIGKILL included, its workers end with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have gone before the kernel was asked.
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Serve invocations until killed."""
    _die_with(int(sys.argv[1]))
    task_root = os.environ["LAMBDA_TASK_ROOT"]
    handler = os.environ["_HANDLER"]
    sys.path.insert(0, task_root)
    # A handler that looks at its arguments sees what it would see on Lambda.
    sys.argv = ["bootstrap", handler]
    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    # On Lambda, Python 3.12 and later poll in a thread so that the main thread gets signals before a shutdown. Workers
    # here are shut down by SIGKILL, so the thread would only cost time in every invocation.
    client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"], False)
    bootstrap.run(handler, client)


if __name__ == "__main__":
    main()
