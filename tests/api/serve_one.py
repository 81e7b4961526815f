"""Server processes for tests, each on a socket that it inherits.

Importing the service, and parsing the rules, take longer than all else that a server of a test does. So it is
done once: this process does so, starts no thread, and forks for each server.
"""

import json
import os
import signal
import socket
import sys
from typing import Any

import uvicorn

import api.app  # noqa: F401  # so that no server has to


def main(descriptor: int) -> None:
    """Fork a server for each message, and answer with its process; end with whoever sends them.

    A message is the environment of the server, with what it listens on, where it logs to, and a descriptor
    whose closing tells that it has ended.
    """
    signal.signal(signal.SIGCHLD, _bury)
    with socket.socket(fileno=descriptor) as asks:
        while True:
            words, given, _, _ = socket.recv_fds(asks, 1 << 20, 3)
            if not words:
                return
            pid = os.fork()
            if pid == 0:
                break
            for each in given:
                os.close(each)
            asks.send(str(pid).encode())
    listening, log, _ = given
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(json.loads(words))
    for output in (1, 2):
        os.dup2(log, output)
    serve(listening)


def _bury(_number: int, _frame: Any) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def serve(listening: int) -> None:
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        lifespan="on",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
