#!/usr/bin/env python3
"""Asks who answers at an address, as a client that does not wait would.

  failover_client.py serve NUMBER          tells every TCP connection to port 7 the number, on all addresses
  failover_client.py ask ADDRESS OUTPUT    connects every 20 ms until SIGTERM; OUTPUT gets a line `TIME NUMBER` for each answer
  failover_client.py outage OUTPUT SINCE FROM
      prints as JSON what was seen after the time SINCE, when the answers stopped coming from node FROM:
      elsewhere_s  until the first answer of another node
      silence_s    the longest time between two answers of whomever

Each attempt is a connection of its own, given up before the kernel sends its first SYN again (1 s): the figures do not depend on
when that happens. The kernel does the client's ARP. Times are of the wall clock, in seconds."""
import asyncio
import json
import signal
import sys
import time

PORT = 7
INTERVAL = 0.02
PATIENCE = 0.9
READY_LIMIT = 400  # attempts under way: more than PATIENCE / INTERVAL


async def serve(number):
    async def answer(_reader, writer):
        writer.write(f"{number}\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "0.0.0.0", PORT, backlog=READY_LIMIT)
    await server.serve_forever()


async def attempt(address, output):
    writer = None
    try:
        reader, writer = await asyncio.open_connection(address, PORT)
        number = (await reader.readline()).decode().strip()
        if number:
            output.write(f"{time.time():.6f} {number}\n")
            output.flush()
    except OSError:
        pass  # refused or unreachable: no answer
    finally:
        if writer:
            writer.close()


async def bounded(address, output):
    try:
        await asyncio.wait_for(attempt(address, output), PATIENCE)
    except asyncio.TimeoutError:
        pass


async def ask(address, path):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    under_way = set()
    with open(path, "w", encoding="ascii") as output:
        while not stop.is_set():
            task = asyncio.create_task(bounded(address, output))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            await asyncio.sleep(INTERVAL)
        if under_way:
            await asyncio.wait(under_way)


def outage(path, since, lost_node):
    with open(path, encoding="ascii") as lines:
        answers = sorted((float(t), node) for t, node in (line.split() for line in lines))
    before = [t for t, _ in answers if t <= since]
    after = [(t, node) for t, node in answers if t > since]
    elsewhere = [t - since for t, node in after if node != lost_node]
    if not before or not elsewhere:
        sys.exit("no answer before, or none from another node after")
    times = before[-1:] + [t for t, _ in after]
    silence = max(late - early for early, late in zip(times, times[1:]))
    print(json.dumps({"elsewhere_s": round(elsewhere[0], 3), "silence_s": round(silence, 3)}))


def main(words):
    if len(words) == 2 and words[0] == "serve":
        asyncio.run(serve(words[1]))
    elif len(words) == 3 and words[0] == "ask":
        asyncio.run(ask(words[1], words[2]))
    elif len(words) == 4 and words[0] == "outage":
        outage(words[1], float(words[2]), words[3])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
