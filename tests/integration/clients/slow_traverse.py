"""A client that asks for a traverse, reads nothing for a while, and then everything: slow_traverse.py SOCKET DB-ID GO.

Prints "asked" when the traverse has begun; reads on once the file GO exists; prints the number of records when the end
mark has come. Every wait is bounded."""
import os
import socket
import struct
import sys
import time

MAGIC = 0x43544442
CURRENT_NODE = 0xF0000001
REQ_MESSAGE, REQ_CONTROL, REPLY_CONTROL = 5, 7, 8
REGISTER_SRVID, TRAVERSE_START = 23, 20
SRVID = 0xFE00000000004711
LIMIT = 30


def control(opcode, request, data=b"", srvid=0):
    body = struct.pack("=IIQIII", opcode, 0, srvid, 0, 0, len(data)) + data
    head = struct.pack("=IIIIIIII", 32 + len(body), MAGIC, 1, 0, REQ_CONTROL, CURRENT_NODE, 0, request)
    return head + body


def packets(s):
    got = bytearray()
    while True:
        while len(got) >= 4:
            (length,) = struct.unpack_from("=I", got)
            if len(got) < length:
                break
            yield bytes(got[:length])
            del got[:length]
        try:
            piece = s.recv(1 << 20)
        except TimeoutError:
            raise SystemExit("nothing comes any more") from None
        if not piece:
            raise SystemExit("the connection was closed")
        got += piece


def answered(stream, request):
    for packet in stream:
        operation, _, _, reqid = struct.unpack_from("=IIII", packet, 16)
        if operation == REPLY_CONTROL and reqid == request:
            (status,) = struct.unpack_from("=i", packet, 32)
            if status != 0:
                raise SystemExit("request %d: status %d" % (request, status))
            return


def records(stream):
    """Counts traverse records until the end mark: a message of a record without key and data."""
    count = 0
    for packet in stream:
        if struct.unpack_from("=I", packet, 16)[0] != REQ_MESSAGE:
            continue
        # srvid, length of the data; then length, request id, key length, data length of the record
        keylen, datalen = struct.unpack_from("=II", packet, 32 + 12 + 8)
        if keylen == 0 and datalen == 0:
            return count
        count += 1
    return count


def run(path, database, go):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(path)
    s.settimeout(LIMIT)
    stream = packets(s)
    s.sendall(control(REGISTER_SRVID, 1, srvid=SRVID))
    answered(stream, 1)
    s.sendall(control(TRAVERSE_START, 2, struct.pack("=IIQ", database, 9, SRVID)))
    print("asked", flush=True)
    deadline = time.monotonic() + LIMIT
    while not os.path.exists(go):
        if time.monotonic() > deadline:
            raise SystemExit("nobody said go")
        time.sleep(0.05)
    print(records(stream), flush=True)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2], 16), sys.argv[3])
