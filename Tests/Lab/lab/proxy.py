# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that can be slow, cut and frozen on command."""

import asyncio
import socket
import struct
import threading

CHUNK = 256 * 1024
HANDSHAKE = b"\x16"  # a TLS record's first byte
IN_FLIGHT = 64 * 1024 * 1024  # what a slow link holds at most, each way: the delay must not become a limit of bandwidth


class Direction:
    """One way of one connection: what arrived is written when its time has come."""

    def __init__(self, connection, name, reader, writer):
        self.connection, self.name, self.reader, self.writer = connection, name, reader, writer
        self.queue = asyncio.Queue()
        self.held = 0
        self.room = asyncio.Event()
        self.room.set()

    async def read(self):
        proxy = self.connection.proxy
        while True:
            await proxy.flowing.wait()
            await self.room.wait()
            chunk = await self.reader.read(CHUNK)
            await self.take(chunk)
            if not chunk:
                return

    async def take(self, chunk):
        self.held += len(chunk)
        if self.held > IN_FLIGHT:
            self.room.clear()
        await self.queue.put((asyncio.get_running_loop().time() + self.connection.proxy.delay[self.name], chunk))

    async def write(self):
        proxy = self.connection.proxy
        loop = asyncio.get_running_loop()
        while True:
            due, chunk = await self.queue.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            await proxy.flowing.wait()
            if not chunk:
                if self.writer.can_write_eof():
                    self.writer.write_eof()
                return
            allowed = proxy.allowance(self.name, len(chunk))
            self.writer.write(chunk[:allowed])
            proxy.carried[self.name] += allowed
            await self.writer.drain()
            self.held -= len(chunk)
            if self.held <= IN_FLIGHT:
                self.room.set()
            if allowed < len(chunk) or proxy.allowance(self.name, 1) == 0:
                proxy.spend()
                return


class Connection:
    def __init__(self, proxy):
        self.proxy = proxy
        self.writers, self.tasks = [], []

    async def run(self, reader, writer):
        self.writers.append(writer)
        first = b""
        try:
            if self.proxy.tls_only:
                first = await reader.read(CHUNK)
                if first[:1] != HANDSHAKE:
                    writer.close()
                    return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.proxy.target)
        except OSError:
            self.abort()
            return
        self.writers.append(far_writer)
        for each in self.writers:
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up = Direction(self, "up", reader, far_writer)
        if first:
            await up.take(first)
        down = Direction(self, "down", far_reader, writer)
        self.tasks = [asyncio.ensure_future(each) for each in (up.read(), up.write(), down.read(), down.write())]
        try:
            await asyncio.gather(*self.tasks)
        except OSError:
            self.abort()
        except asyncio.CancelledError:
            pass  # aborted, perhaps while frozen
        finally:
            for task in self.tasks:
                task.cancel()
            for each in self.writers:
                each.close()

    def abort(self):
        """Ends both sides with a reset, as a dying machine or a firewall does."""
        for writer in self.writers:
            connection = writer.get_extra_info("socket")
            if connection is not None:
                try:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
            writer.transport.abort()
        for task in self.tasks:
            task.cancel()


class Proxy:
    """Forwards to a port on loopback. "up" is towards the server, "down" towards the client.

    tls_only: a client that does not speak TLS finds the connection closed. BuildKit tries plain HTTP first at registries
    on loopback; a server in Go answers that with a page, which BuildKit takes for the registry's last word.
    """

    loop = None

    def __init__(self, name, port, target, tls_only=False, of=None):
        self.name, self.port, self.target, self.tls_only, self.of = name, port, target, tls_only, of
        self.delay = {"up": 0.0, "down": 0.0}
        self.carried = {"up": 0, "down": 0}
        self.remaining = {"up": None, "down": None}
        self.connections = set()
        self.accepted = 0
        self.refusing = False
        self.server = None

    @classmethod
    def do(cls, work):
        """Runs a coroutine on the proxies' own thread and waits for it."""
        if cls.loop is None:
            cls.loop = asyncio.new_event_loop()
            threading.Thread(target=cls.loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, cls.loop).result(10)

    def start(self):
        async def work():
            self.flowing = asyncio.Event()
            self.flowing.set()
            self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.port, limit=CHUNK)
        self.do(work())

    async def accept(self, reader, writer):
        connection = Connection(self)
        if self.refusing:
            connection.writers = [writer]
            connection.abort()
            return
        self.accepted += 1
        self.connections.add(connection)
        try:
            await connection.run(reader, writer)
        finally:
            self.connections.discard(connection)

    def allowance(self, direction, wanted):
        limit = self.remaining[direction]
        return wanted if limit is None else min(wanted, max(0, limit - self.carried[direction]))

    def spend(self):
        """The agreed number of bytes has passed: this cut is used up, and the next connection flows freely."""
        self.remaining = {"up": None, "down": None}
        self.abort_all()

    def abort_all(self):
        count = len(self.connections)
        for connection in list(self.connections):
            connection.abort()
        return count

    # Commands

    def command(self, order):
        async def work():
            what = order["do"]
            if what == "delay":
                self.delay = {"up": order.get("up", 0) / 1000, "down": order.get("down", 0) / 1000}
            elif what == "cut":
                after = order.get("after")
                if after is None:
                    return {"cut": self.abort_all()}
                direction = order.get("direction", "up")
                self.remaining[direction] = self.carried[direction] + after
            elif what == "freeze":
                self.flowing.clear()
            elif what == "thaw":
                self.flowing.set()
            elif what == "refuse":
                self.refusing = order.get("on", True)
                if self.refusing:
                    self.abort_all()
            return {"up": self.carried["up"], "down": self.carried["down"], "connections": self.accepted,
                    "open": len(self.connections)}
        return self.do(work())

    def stop(self):
        async def work():
            self.flowing.set()
            self.server.close()
            self.abort_all()
        if self.server:
            self.do(work())
