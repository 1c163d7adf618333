"""What waits in the queue: single requests, and groups of calls that go together."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_dist.accounts.api_key import ApiKey
from pipeline_dist.accounts.authentication import Credentials
from pipeline_dist.admission.commands import BeginCall, Command, Request
from pipeline_dist.admission.decide import Outcome


class PendingRequest(Request[Command]):
    """A request that waits for its outcome; `rows` are the names of what it will lock, `alone`
    that it goes without others."""

    __slots__ = ("alone", "future", "rows", "since")

    def __init__(
        self,
        command: Command,
        distributor_id: str,
        credentials: Credentials | None,
        pipeline_id: str | None,
        rows: frozenset[str],
        key: ApiKey | None = None,
    ) -> None:
        super().__init__(command, distributor_id, credentials, pipeline_id, key)
        loop = asyncio.get_running_loop()
        self.rows = rows
        self.alone = False
        self.since = loop.time()
        self.future: asyncio.Future[Any] = loop.create_future()

    @property
    def is_over(self) -> bool:
        """Whether it was told its outcome, or the one who asked has gone: nothing is to be decided
        any more."""
        return self.future.done()

    def answer(self, outcome: Outcome | BaseException) -> None:
        """Tell the outcome, unless the one who asked has gone."""
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class PendingGroup:
    """
    Finished calls of one distributor that wait for one transaction of their own; in the queue they
    are one, with one future, which has the outcome of each in their order.
    """

    __slots__ = ("_open", "future", "outcomes", "requests", "rows", "since")

    def __init__(
        self,
        distributor_id: str,
        commands: Sequence[BeginCall],
        pipeline_ids: Mapping[str, str],
        credentials: Credentials | None = None,
        key: ApiKey | None = None,
    ) -> None:
        """Take *pipeline_ids*: the lines' ids by code, as far as they are known; *credentials* and
        *key* as each `Request` has them."""
        loop = asyncio.get_running_loop()
        self.since = loop.time()
        self.future: asyncio.Future[list[Any]] = loop.create_future()
        self.rows = frozenset((distributor_id, *(line_row(one.pipeline) for one in commands)))
        self.requests = [
            GroupedRequest(self, number, command, distributor_id, credentials, pipeline_ids, key)
            for number, command in enumerate(commands)
        ]
        self.outcomes: list[Outcome | BaseException | None] = [None] * len(commands)
        self._open = len(commands)

    @property
    def is_over(self) -> bool:
        """Whether all of them were told their outcomes, or the one who asked has gone."""
        return self.future.done()

    def put(self, number: int, outcome: Outcome | BaseException) -> None:
        """Note the outcome of one of them; with the last one all are told."""
        if self.outcomes[number] is None:
            self.outcomes[number] = outcome
            self._open -= 1
        if not self._open and not self.future.done():
            self.future.set_result([one for one in self.outcomes if one is not None])

    def answer(self, outcome: Outcome | BaseException) -> None:
        """Tell the same of all of them."""
        for request in self.requests:
            request.answer(outcome)


class GroupedRequest(PendingRequest):
    """One call of a group; `alone`, since a group has its transaction for itself."""

    __slots__ = ("group", "number")

    def __init__(
        self,
        group: PendingGroup,
        number: int,
        command: BeginCall,
        distributor_id: str,
        credentials: Credentials | None,
        pipeline_ids: Mapping[str, str],
        key: ApiKey | None,
    ) -> None:
        # Without a future of its own, and with all its rows in common with the group.
        pipeline_id = pipeline_ids.get(command.pipeline)
        Request.__init__(self, command, distributor_id, credentials, pipeline_id, key)
        self.rows = group.rows
        self.alone = True
        self.since = group.since
        self.future = group.future
        self.group = group
        self.number = number

    @property
    def is_over(self) -> bool:
        """Whether it has its outcome, whatever the others of the group wait for: one that was
        refused must not be booked after all."""
        return self.future.done() or self.group.outcomes[self.number] is not None

    def answer(self, outcome: Outcome | BaseException) -> None:
        """Note the outcome in the group."""
        self.group.put(self.number, outcome)


def line_row(code: str) -> str:
    """Return the name of what a call of the line *code* locks beside its distributor."""
    return "line " + code
