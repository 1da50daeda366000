#!/usr/bin/env python3
"""Watch which namespaces have which address until SIGTERM.

Usage: watch_owners.py OUTPUT INTERFACE PREFIX NAMESPACE...
A child for each namespace looks every 10 ms for the addresses of INTERFACE that begin with PREFIX. It is not a process of the
namespace (a test may kill all of those): only its socket is.
OUTPUT gets one line per change, `SECONDS ADDRESS OWNERS`, and `TWICE ...` whenever an address has two owners."""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import time

RTM_GETADDR, NLM_F_DUMP_REQUEST, NLMSG_DONE = 22, 0x301, 3
IFA_LOCAL, CLONE_NEWNET = 2, 0x40000000


def addresses(kernel, index, prefix):
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


def enter(path):
    with open(path, "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"cannot enter {path}")


def child(namespace, interface, prefix, out):
    parent = os.getppid()
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(f"/run/netns/{namespace}")
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    kernel.bind((0, 0))
    index = socket.if_nametoindex(interface)
    enter(f"/proc/self/fd/{home}")
    before = None
    while os.getppid() == parent:
        now = addresses(kernel, index, prefix)
        if now != before:
            os.write(out, (" ".join(sorted(now)) + "\n").encode())
            before = now
        time.sleep(0.01)


def main(output, interface, prefix, *namespaces):
    owners, pipes = {}, {}
    for number, namespace in enumerate(namespaces):
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                child(namespace, interface, prefix, write)
            finally:
                os._exit(0)
        os.close(write)
        pipes[read] = number
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(output, "w", buffering=1) as log:
        while True:
            ready, _, _ = select.select([*pipes], [], [], 1)
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

main(*sys.argv[1:])
