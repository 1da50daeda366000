"""A node that misbehaves: bad_peer.py OWN_ADDRESS OWN_PNN PEER_ADDRESS MODE.

Listens on and connects from its own address as a node does, to one peer, again and again until it is killed. What the
peer sends is read and thrown away."""
import os
import select
import socket
import struct
import sys
import time

MAGIC = 0x43544442
PORT = 4379
KEEPALIVE = 9


def header(length, operation, source, target, magic=MAGIC, version=1):
    return struct.pack("=IIIIIIII", length, magic, version, 0, operation, target, source, 0)


def keepalive(source, target, release=0x40011, **changes):
    return header(40, KEEPALIVE, source, target, **changes) + struct.pack("=II", release, 100000)


def packet(mode, source, target):
    if mode == "magic":
        return keepalive(source, target, magic=0x12345678)
    if mode == "protocol":
        return keepalive(source, target, version=77)
    if mode == "huge":
        return header(0xFFFFFFF8, KEEPALIVE, source, target) + bytes(64)
    if mode == "garbage":
        return os.urandom(4096)
    if mode == "old":  # before keepalives had a body
        return header(32, KEEPALIVE, source, target)
    if mode == "version":
        return keepalive(source, target, 0x30006)
    if mode == "foreign":
        return keepalive(source + 1, target + 1)
    return b""  # silent


def listen(own):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((own, PORT))
    s.listen(16)
    return s


def connect(own, peer):
    s = socket.socket()
    s.bind((own, 0))
    try:
        s.connect((peer, PORT))
    except OSError:
        s.close()
        return None
    return s


def alive(connections):
    ready, _, _ = select.select(connections, [], [], 0.1)
    try:
        return all(s.recv(65536) for s in ready)
    except OSError:
        return False


def session(listener, own, peer, what):
    outgoing = connect(own, peer)
    if not outgoing:
        return
    connections = [outgoing]
    listener.settimeout(0.05)
    try:
        outgoing.sendall(what)
        while alive(connections):
            try:
                connections.append(listener.accept()[0])
            except TimeoutError:
                outgoing.sendall(what)
    except OSError:
        pass
    for s in connections:
        s.close()


def run(own, own_pnn, peer, mode):
    listener = listen(own)
    print("listening", flush=True)
    while True:
        if mode == "close":
            listener.accept()[0].close()
        else:
            session(listener, own, peer, packet(mode, own_pnn, 0))
        time.sleep(0.05)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
