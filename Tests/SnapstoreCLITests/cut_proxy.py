#!/usr/bin/env python3
"""A TCP proxy that cuts: cut_proxy.py UPSTREAM_PORT prints the port it listens on and that of its control.

A line `up N` or `down N` on the control has it cut every connection once N more bytes have gone that way, to the server or
from it; `count` answers how often it has cut. After a cut it works as before."""
import asyncio
import sys


class Proxy:
    def __init__(self, upstream):
        self.upstream, self.left, self.cuts, self.open = upstream, {}, 0, set()

    def cut(self):
        self.cuts += 1
        self.left = {}
        for writer in self.open:
            writer.transport.abort()
        self.open = set()

    async def pump(self, way, reader, writer):
        try:
            while data := await reader.read(4096):
                left = self.left.get(way)
                if left is not None and len(data) >= left:
                    writer.write(data[:left])
                    await writer.drain()
                    await asyncio.sleep(0.005)  # what was let through arrives
                    return self.cut()
                if left is not None:
                    self.left[way] = left - len(data)
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def connect(self, reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream)
        self.open |= {writer, back}
        await asyncio.gather(self.pump("up", reader, back), self.pump("down", there, writer))
        self.open -= {writer, back}

    async def control(self, reader, writer):
        words = (await reader.readline()).split()
        if words[0] == b"count":
            writer.write(b"%d\n" % self.cuts)
        else:
            self.left = {words[0].decode(): int(words[1])}
            writer.write(b"ok\n")
        await writer.drain()
        writer.close()


async def main():
    proxy = Proxy(int(sys.argv[1]))
    servers = [await asyncio.start_server(serve, "127.0.0.1", 0) for serve in (proxy.connect, proxy.control)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
