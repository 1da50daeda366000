#!/usr/bin/env python3
"""Watch which namespaces have which address until standard input closes.

Usage: watch_owners.py OUTPUT INTERFACE PREFIX NAMESPACE...
Joins each namespace in a child of its own, which reports the addresses of INTERFACE that begin with PREFIX every 10 ms.
OUTPUT gets one line per change, `SECONDS ADDRESS OWNERS`, and `TWICE ...` whenever an address has two owners."""
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import time

RTM_GETADDR, NLM_F_DUMP_REQUEST, NLMSG_DONE = 22, 0x301, 3
IFA_LOCAL, CLONE_NEWNET = 2, 0x40000000


def addresses(index, prefix):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.bind((0, 0))
        kernel.send(struct.pack("=IHHIIBBBBI", 24, RTM_GETADDR, NLM_F_DUMP_REQUEST, 1, 0, socket.AF_INET, 0, 0, 0, 0))
        found = set()
        while True:
            data = kernel.recv(65536)
            while len(data) >= 16:
                size, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_DONE:
                    return found
                on = struct.unpack_from("=I", data, 20)[0]
                at = 24
                while at + 4 <= size:
                    length, attribute = struct.unpack_from("=HH", data, at)
                    if attribute == IFA_LOCAL and on == index:
                        text = socket.inet_ntoa(data[at + 4:at + 8])
                        if text.startswith(prefix):
                            found.add(text)
                    at += max(4, (length + 3) & ~3)
                data = data[(size + 3) & ~3:]


def child(namespace, interface, prefix, out):
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"cannot enter {namespace}")
    index = socket.if_nametoindex(interface)
    before = None
    while os.getppid() != 1:
        now = addresses(index, prefix)
        if now != before:
            os.write(out, (" ".join(sorted(now)) + "\n").encode())
            before = now
        time.sleep(0.01)


def main(output, interface, prefix, *namespaces):
    owners, pipes, children = {}, {}, []
    for number, namespace in enumerate(namespaces):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                child(namespace, interface, prefix, write)
            finally:
                os._exit(0)
        os.close(write)
        pipes[read] = number
        children.append(pid)
    fcntl.fcntl(sys.stdin, fcntl.F_SETFL, os.O_NONBLOCK)
    with open(output, "w", buffering=1) as log:
        while True:
            ready, _, _ = select.select([*pipes, sys.stdin.fileno()], [], [], 1)
            if sys.stdin.fileno() in ready:
                break
            for read in ready:
                data = os.read(read, 65536).decode()
                if not data:
                    del pipes[read]
                    continue
                for line in data.splitlines():
                    now = set(line.split())
                    for address in now | {a for a, who in owners.items() if pipes[read] in who}:
                        who = owners.setdefault(address, set())
                        before = set(who)
                        (who.add if address in now else who.discard)(pipes[read])
                        if who != before:
                            text = ",".join(map(str, sorted(who))) or "-"
                            log.write(f"{time.time():.3f} {address} {text}\n")
                            if len(who) > 1:
                                log.write(f"TWICE {time.time():.3f} {address} {text}\n")
    for pid in children:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


main(*sys.argv[1:])
