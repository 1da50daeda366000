#!/usr/bin/env python3
"""Spreads TCP connections over several servers, so that a client that knows one address uses every node of a cluster.

    spread.py PORT READY-FILE LISTEN,LISTEN... SERVER,SERVER...

Of the connections to one address listened on, the first goes to the first server, the second to the second, and so on in
turn. READY-FILE is written when all are listened on. Ends when it is killed.
"""

import asyncio
import itertools
import pathlib
import sys


async def pump(source, sink):
    """Copies until one side ends, then ends the other."""
    try:
        while data := await source.read(1 << 16):
            sink.write(data)
            await sink.drain()
    except OSError:
        sink.transport.abort()
        return
    sink.close()


def spreader(port, servers):
    turn = itertools.cycle(servers)

    async def accepted(reader, writer):
        server = next(turn)
        try:
            to_reader, to_writer = await asyncio.open_connection(server, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    return accepted


async def serve(port, ready, addresses, servers):
    for address in addresses:
        await asyncio.start_server(spreader(port, servers), address, port)
    ready.write_text("listening\n", encoding="ascii")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3].split(","), sys.argv[4].split(",")))
