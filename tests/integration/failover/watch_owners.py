#!/usr/bin/env python3
"""Watch which namespaces have which address until SIGTERM.

Usage: watch_owners.py OUTPUT INTERFACE PREFIXES NAMESPACE...
Every 10 ms it asks each namespace for the addresses of INTERFACE that begin with one of PREFIXES (separated by commas). It is not a process of a namespace
(a test may kill all of those): only its sockets are. The namespaces are asked one after the other, so an address that moves
meanwhile is seen on both sides; two owners are proven when the one who was asked first still has it when asked again.
OUTPUT gets one line per change, `SECONDS ADDRESS OWNERS`, and `TWICE ...` whenever an address has two owners."""
import ctypes
import os
import signal
import socket
import struct
import sys
import time

RTM_GETADDR, NLM_F_DUMP_REQUEST, NLMSG_DONE = 22, 0x301, 3
IFA_ADDRESS, IFA_LOCAL, CLONE_NEWNET = 1, 2, 0x40000000


def addresses(kernel, index, prefixes):
    kernel.send(struct.pack("=IHHIIBBBBI", 24, RTM_GETADDR, NLM_F_DUMP_REQUEST, 1, 0, socket.AF_UNSPEC, 0, 0, 0, 0))
    found = set()
    while True:
        data = kernel.recv(65536)
        while len(data) >= 16:
            size, kind = struct.unpack_from("=IH", data)
            if kind == NLMSG_DONE:
                return found
            family, on = data[16], struct.unpack_from("=I", data, 20)[0]
            wanted = IFA_LOCAL if family == socket.AF_INET else IFA_ADDRESS
            at = 24
            while at + 4 <= size:
                length, attribute = struct.unpack_from("=HH", data, at)
                if attribute == wanted and on == index:
                    text = socket.inet_ntop(family, data[at + 4:at + length])
                    if text.startswith(prefixes):
                        found.add(text)
                at += max(4, (length + 3) & ~3)
            data = data[(size + 3) & ~3:]


def enter(path):
    with open(path, "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"cannot enter {path}")


def listen_in(namespace, interface, home):
    enter(f"/run/netns/{namespace}")
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    kernel.bind((0, 0))
    index = socket.if_nametoindex(interface)
    enter(f"/proc/self/fd/{home}")
    return kernel, index


def owners_now(look, count):
    """Each address with the numbers of its owners, asked in order; an owner who is not alone is asked again."""
    owners = {}
    for number in range(count):
        for address in look(number):
            owners.setdefault(address, []).append(number)
    for address, who in owners.items():
        if len(who) > 1:
            owners[address] = [n for n in who[:-1] if address in look(n)] + who[-1:]
    return owners


def main(output, interface, prefixes, *namespaces):
    prefixes = tuple(prefixes.split(","))
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    places = [listen_in(namespace, interface, home) for namespace in namespaces]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = os.getppid()
    before = {}
    with open(output, "w", buffering=1) as log:
        while os.getppid() == parent:
            owners = owners_now(lambda number: addresses(*places[number], prefixes), len(places))
            for address in sorted(owners.keys() | before.keys()):
                who = owners.get(address, [])
                if who != before.get(address, []):
                    text = ",".join(map(str, who)) or "-"
                    log.write(f"{time.time():.3f} {address} {text}\n")
                    if len(who) > 1:
                        log.write(f"TWICE {time.time():.3f} {address} {text}\n")
            before = owners
            time.sleep(0.01)


main(*sys.argv[1:])
