"""Which of several listening sockets gets the connections."""

import socket
from contextlib import ExitStack

from app.runtime import processes
from app.runtime.listeners import Listeners
from tests.support.ports import free_port


def accepted_connections(listener: int) -> int:
    """How many connections wait at a listening socket; takes them."""
    plug = socket.socket(fileno=socket.dup(listener))
    plug.setblocking(False)
    count = 0
    with plug:
        while True:
            try:
                plug.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


def test_connections_go_where_they_are_steered() -> None:
    port = free_port()
    listeners = Listeners("127.0.0.1", port, may_steer=True)
    files = [listeners.file_of(number) for number in (1, 2, 3)]
    with ExitStack() as clients:

        def connect(count: int) -> list[int]:
            for _ in range(count):
                clients.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            return [accepted_connections(file) for file in files]

        assert sum(connect(60)) == 60
        listeners.steer([2])
        assert connect(20) == [0, 20, 0]
        listeners.steer([1, 3])
        first, second, third = connect(60)
        assert second == 0
        assert min(first, third) > 0
        # None that could take one: as before.
        listeners.steer([])
        assert sum(connect(10)) == 10
    listeners.close()
    assert processes.listening_problem("127.0.0.1", port) is None


def test_who_steers_behind_the_end_does_nothing() -> None:
    listeners = Listeners("127.0.0.1", 0, may_steer=True)
    listeners.file_of(1)
    listeners.close()

    listeners.steer([1, 2])
