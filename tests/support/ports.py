"""Ports for the servers of tests, several of which run at once."""

import random
import socket

# Below those that a system gives to whoever asks for any: no client has one before it is used.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a loopback port that nobody uses, nor is likely to until it is listened on."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
