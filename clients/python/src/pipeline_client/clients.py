"""
The two clients: `Client` with threads, `AsyncClient` with asyncio. Both only carry out plans; each
call of the API is written once, in `operations.py`.
"""

import asyncio
import functools
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import httpx

from pipeline_client import operations
from pipeline_client.calls import AsyncRunningCall, CallTerms, RunningCall
from pipeline_client.exchange import Operation, Retries, perform
from pipeline_client.operations import Listing
from pipeline_client.wire import Lost, Pause, Plan, Request, Response, Stopped
from pipeline_client.writer import AsyncBatchWriter, BatchWriter, SendingTerms

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")
B = TypeVar("B")
AB = TypeVar("AB")
C = TypeVar("C", bound="Client")
A = TypeVar("A", bound="AsyncClient")

API_PATH = "/pipeline_dist/v1/"
DEFAULT_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class ApiMethod(Generic[P, T]):
    """An operation as a method of both clients: of one it returns T, of the other it is awaited."""

    def __init__(self, operation: Callable[P, Operation[T]]) -> None:
        self.operation = operation

    @overload
    def __get__(self, client: "Client", owner: Any = None) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: Any = None) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[P, Operation[T]]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return self.operation

        @functools.wraps(self.operation)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.drive(perform(self.operation(*args, **kwargs), client.retries))

        return method


class ApiList(Generic[P, T]):
    """A list of the API as a method of both clients: it returns an iterator over all its rows."""

    def __init__(self, listing: Callable[P, Listing[T]]) -> None:
        self.listing = listing

    @overload
    def __get__(self, client: "Client", owner: Any = None) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(
        self, client: "AsyncClient", owner: Any = None
    ) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[P, Listing[T]]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return self.listing

        @functools.wraps(self.listing)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.rows_of(self.listing(*args, **kwargs))

        return method


class ApiBlock(Generic[P, K, B, AB]):
    """What is used as a block: `with` one client, `async with` the other."""

    def __init__(
        self,
        terms: Callable[P, K],
        block: "Callable[[Client, K], B]",
        async_block: "Callable[[AsyncClient, K], AB]",
    ) -> None:
        self.terms, self.block, self.async_block = terms, block, async_block

    @overload
    def __get__(self, client: "Client", owner: Any = None) -> Callable[P, B]: ...
    @overload
    def __get__(self, client: "AsyncClient", owner: Any = None) -> Callable[P, AB]: ...
    @overload
    def __get__(self, client: None, owner: Any = None) -> Callable[P, K]: ...
    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return self.terms

        @functools.wraps(self.terms, updated=())
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            terms = self.terms(*args, **kwargs)
            if isinstance(client, Client):
                return self.block(client, terms)
            return self.async_block(client, terms)

        return method


class _Api:
    """The calls of the API; their words stand in `operations.py`."""

    me = ApiMethod(operations.me)
    pipelines = ApiList(operations.pipelines)
    pipeline = ApiMethod(operations.pipeline)
    quote = ApiMethod(operations.quote)
    begin = ApiMethod(operations.begin)
    book = ApiMethod(operations.book)
    finish = ApiMethod(operations.finish)
    extend = ApiMethod(operations.extend)
    call = ApiBlock(CallTerms, RunningCall, AsyncRunningCall)
    read_call = ApiMethod(operations.read_call)
    calls = ApiList(operations.calls)
    book_batch = ApiMethod(operations.book_batch)
    batch_writer = ApiBlock(SendingTerms, BatchWriter, AsyncBatchWriter)
    usage = ApiList(operations.usage)
    usage_page = ApiMethod(operations.usage_page)
    usage_sums = ApiMethod(operations.usage_sums)
    statement = ApiMethod(operations.statement)
    statement_file = ApiMethod(operations.statement_file)
    statements = ApiList(operations.statements)
    events = ApiList(operations.events)
    keys = ApiMethod(operations.keys)
    create_key = ApiMethod(operations.create_key)
    rotate_key = ApiMethod(operations.rotate_key)
    revoke_key = ApiMethod(operations.revoke_key)

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        retries: Retries | None = None,
        language: str = "en",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """
        *url* is where the system answers (else PIPELINE_URL), *key* the API key (else
        PIPELINE_KEY); *language* that of refusals, en or zh. *http* is an httpx client of your own,
        for proxies, certificates or limits; it stays yours to close.
        """
        url, key = url or os.environ.get("PIPELINE_URL"), key or os.environ.get("PIPELINE_KEY")
        if not url or not key:
            raise ValueError("give url and key, or set PIPELINE_URL and PIPELINE_KEY")
        self.retries = retries or Retries()
        self._root = url.rstrip("/") + API_PATH
        self._headers = {
            "authorization": f"Bearer {key}",
            "accept-language": language,
            "user-agent": "pipeline-client/1.0.0",
            **(headers or {}),
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._root!r})"  # without the key

    def _arguments(self, request: Request) -> dict[str, Any]:
        """Return *request* as httpx takes it."""
        headers = {**self._headers, **request.headers}
        if request.body is not None:
            headers["content-type"] = "application/json"
        return {
            "method": request.method,
            "url": self._root + request.path,
            "params": dict(request.params),
            "content": request.content(),
            "headers": headers,
            "follow_redirects": False,
        }


def _response(answer: httpx.Response) -> Response:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(answer.status_code, headers, answer.content)


def _lost(fault: httpx.HTTPError) -> Lost:
    return Lost(f"{type(fault).__name__}: {fault}")


class Client(_Api):
    """The client for programs with threads; it may be used by several of them at once."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        http: httpx.Client | None = None,
        **options: Any,
    ) -> None:
        super().__init__(url, key, **options)
        self._is_own = http is None
        self._http = http or httpx.Client(timeout=DEFAULT_TIMEOUT)

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            self._http.close()

    def drive(self, plan: Plan[T], stop: threading.Event | None = None) -> T:
        """Carry a plan out; raises Stopped where *stop* is set during a pause."""
        reply: Response | Lost | None = None
        try:
            while True:
                step = plan.send(reply)
                reply = None
                if isinstance(step, Request):
                    reply = self._send(step)
                else:
                    _pause(step, stop)
        except StopIteration as end:
            return cast(T, end.value)
        finally:
            plan.close()

    def rows_of(self, listing: Listing[T]) -> Iterator[T]:
        """Yield the rows of a list, page after page."""
        rest: Listing[T] | None = listing
        while rest is not None:
            page = self.drive(perform(rest.operation, self.retries))
            yield from page.rows
            rest = rest.after(page)

    def _send(self, request: Request) -> Response | Lost:
        try:
            return _response(self._http.request(**self._arguments(request)))
        except httpx.HTTPError as exc:
            return _lost(exc)


def _pause(step: Pause, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(step.seconds)
    elif stop.wait(step.seconds):
        raise Stopped


class AsyncClient(_Api):
    """The client for programs with asyncio."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        http: httpx.AsyncClient | None = None,
        **options: Any,
    ) -> None:
        super().__init__(url, key, **options)
        self._is_own = http is None
        self._http = http or httpx.AsyncClient(timeout=DEFAULT_TIMEOUT)

    async def __aenter__(self: A) -> A:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._is_own:
            await self._http.aclose()

    async def drive(self, plan: Plan[T]) -> T:
        """Carry a plan out."""
        reply: Response | Lost | None = None
        try:
            while True:
                step = plan.send(reply)
                reply = None
                if isinstance(step, Request):
                    reply = await self._send(step)
                else:
                    await asyncio.sleep(step.seconds)
        except StopIteration as end:
            return cast(T, end.value)
        finally:
            plan.close()

    async def rows_of(self, listing: Listing[T]) -> AsyncIterator[T]:
        """Yield the rows of a list, page after page."""
        rest: Listing[T] | None = listing
        while rest is not None:
            page = await self.drive(perform(rest.operation, self.retries))
            for row in page.rows:
                yield row
            rest = rest.after(page)

    async def _send(self, request: Request) -> Response | Lost:
        try:
            return _response(await self._http.request(**self._arguments(request)))
        except httpx.HTTPError as exc:
            return _lost(exc)
