"""A request that was not routed: there is one resource, which every request goes to."""

import asyncio

from aiohttp import web
from aiohttp.streams import StreamReader


class PlainRequest(web.Request):
    """A request that knows its application without having been routed."""

    ATTRS = web.Request.ATTRS | frozenset(["own_app"])
    own_app: web.Application

    @property
    def app(self) -> web.Application:
        """The application that serves it."""
        return self.own_app

    def with_body(self, data: bytes, max_bytes: int) -> web.Request:
        """Return the same request with *data* as its body; it takes up to *max_bytes*."""
        loop = asyncio.get_running_loop()
        # Wide enough that what is put in at once holds no connection back.
        stream = StreamReader(self.protocol, max(len(data), 1), loop=loop)
        stream.feed_data(data)
        stream.feed_eof()
        # The message is private: aiohttp knows no other way to a request with another body.
        return web.Request(
            self._message, stream, self.protocol, self.writer, self.task, loop,
            client_max_size=max_bytes,
        )  # fmt: skip
