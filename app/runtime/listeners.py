"""
The listening sockets of an installation, one for each worker's number, kept by the parent process.

A worker that is replaced leaves its socket, with the connections that nobody has accepted yet, to
its successor: none is lost. That the kernel spreads connections over several sockets evenly
(SO_REUSEPORT) has a price: it goes on with one whose worker is dead or hung. So the kernel is told
by a small program of its own (classic BPF) which of them may get new connections.
"""

import ctypes
import logging
import socket
import struct
from collections.abc import Iterable

from app.base.logs import log_warning

log = logging.getLogger("pipeline.parent")

BACKLOG = 1024
_ATTACH_PROGRAM = 51  # SO_ATTACH_REUSEPORT_CBPF, which the module `socket` does not name
# Of linux/filter.h: load an absolute word, modulo, jump if equal, return.
_LOAD, _MODULO, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x94, 0x15, 0x06
_RANDOM = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM


def listening_socket(host: str, port: int, *, inheritable: bool = False) -> socket.socket:
    """Return a socket bound to *host*:*port* that others may share; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.setblocking(False)
        listener.set_inheritable(inheritable)
    except OSError:
        listener.close()
        raise
    return listener


class Listeners:
    """The sockets of one address by the numbers of their workers, from 1."""

    def __init__(self, host: str, port: int, *, may_steer: bool) -> None:
        """Open none yet. Only who has all sockets of the address *may_steer*: the kernel knows
        them by the order in which they came."""
        self.address = (host, port)
        self._may_steer = may_steer
        self._sockets: list[socket.socket] = []
        self._open_numbers: frozenset[int] = frozenset()

    def file_of(self, number: int) -> int:
        """Return the descriptor for worker *number*, opened at first use; raises OSError."""
        while len(self._sockets) < number:
            listener = listening_socket(*self.address)
            listener.listen(BACKLOG)
            self._sockets.append(listener)
            # A new one gets connections at once where nothing steers.
            self._open_numbers = frozenset()
        return self._sockets[number - 1].fileno()

    def steer(self, numbers: Iterable[int]) -> None:
        """Let only these workers get new connections; all, where that cannot be told."""
        new = frozenset(numbers)
        # At the end of the process they are closed before what steers.
        if not new or new == self._open_numbers or not self._may_steer or not self._sockets:
            return
        try:
            _attach(self._sockets[0], [number - 1 for number in sorted(new)])
        except OSError as exc:
            self._may_steer = False
            log_warning(log, "cannot_steer", "connections go to hung workers too", reason=str(exc))
        self._open_numbers = new

    def close_behind(self, count: int) -> None:
        """Close the sockets of the numbers above *count*, unless steering keeps them empty: closing
        would change the order of the others."""
        if not self._may_steer:
            while len(self._sockets) > count:
                self._sockets.pop().close()

    def close(self) -> None:
        """Close all of them; connections that nobody has accepted are reset."""
        for listener in self._sockets:
            listener.close()
        self._sockets.clear()


def _attach(listener: socket.socket, places: list[int]) -> None:
    """Have the kernel choose one of *places*, of the sockets in their order, for each connection,
    by chance."""
    program = [
        (_LOAD, 0, 0, _RANDOM),
        (_MODULO, 0, 0, len(places)),
        *[
            instruction
            for turn, place in enumerate(places)
            for instruction in ((_JUMP_IF_EQUAL, 0, 1, turn), (_RETURN, 0, 0, place))
        ],
        (_RETURN, 0, 0, places[0]),
    ]
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    )
    head = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_PROGRAM, head)
