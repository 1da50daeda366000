"""A client that misbehaves on ctdbd's socket: bad_client.py SOCKET MODE.

Prints "closed" when the daemon closed the connection, "served" when a good packet after the bad one was answered,
"sent" where there is nothing to see. Every wait is bounded."""
import os
import resource
import socket
import struct
import sys
import time

CROWD = 600
MAGIC = 0x43544442
CURRENT_NODE = 0xF0000001
REQ_CALL, REQ_CONTROL, REPLY_CONTROL = 0, 7, 8
GET_PNN = 35
START_PERSISTENT_UPDATE, CANCEL_PERSISTENT_UPDATE = 81, 82


def header(length, operation, request=1, magic=MAGIC, version=1):
    return struct.pack("=IIIIIIII", length, magic, version, 0, operation, CURRENT_NODE, 0, request)


def control(opcode, request, data=b"", claimed=None):
    body = struct.pack("=IIQIII", opcode, 0, 0, 0, 0, len(data) if claimed is None else claimed) + data
    return header(32 + len(body), REQ_CONTROL, request) + body


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(path)  # waits while the queue of connections is full
    s.settimeout(20)
    return s


def outcome_of(s):
    try:
        while s.recv(4096):
            pass
        return "closed"
    except ConnectionResetError:
        return "closed"
    except TimeoutError:
        return "open"


def answered(s):
    s.sendall(control(GET_PNN, 77))
    got = b""
    while True:
        try:
            piece = s.recv(4096)
        except TimeoutError:
            return "silent"
        if not piece:
            return "closed"
        got += piece
        while len(got) >= 32:
            length, _, _, _, operation, _, _, request = struct.unpack_from("=IIIIIIII", got)
            if len(got) < length:
                break
            if operation == REPLY_CONTROL and request == 77:
                return "served"
            got = got[length:]


def run(path, mode):
    if mode == "many":
        kept = [connect(path) for _ in range(200)]
        time.sleep(0.2)
        return "sent" if kept else ""
    if mode == "crowd":  # not bad at all, but many: how many of them are answered
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        kept = []
        while len(kept) < CROWD:
            s = connect(path)
            if answered(s) != "served":
                break
            kept.append(s)
        return str(len(kept))
    s = connect(path)
    if mode == "garbage":
        s.sendall(bytes([0xFF]) * 4 + os.urandom(4096))
    elif mode == "text":
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
    elif mode == "huge":
        s.sendall(header(0xFFFFFFF0, REQ_CONTROL) + bytes(64))
    elif mode == "short":
        s.sendall(struct.pack("=I", 8) + bytes(60))
    elif mode == "bad-operation":
        s.sendall(header(64, 4711) + bytes(32))
        s.sendall(header(40, REPLY_CONTROL) + bytes(8))
        return answered(s)
    elif mode == "bad-lengths":
        s.sendall(control(GET_PNN, 5, bytes(4), claimed=0xFFFFFFFF))
        s.sendall(header(64, REQ_CALL) + struct.pack("=IIIIII", 0, 1, 2, 0, 0xFFFFFFFF, 0xFFFFFFFF) + bytes(8))
        return answered(s)
    elif mode in ("update-and-die", "update-cancelled"):
        s.sendall(control(START_PERSISTENT_UPDATE, 1))
        if mode == "update-cancelled":
            s.sendall(control(CANCEL_PERSISTENT_UPDATE, 2))
        return answered(s)  # and leaves
    elif mode == "half-and-die":
        s.sendall(control(GET_PNN, 5)[:40])
        return "sent"
    elif mode == "half-and-stay":
        s.sendall(control(GET_PNN, 5)[:40])
        time.sleep(60)
        return "sent"
    return outcome_of(s)


if __name__ == "__main__":
    print(run(sys.argv[1], sys.argv[2]))
