#!/usr/bin/env python3
"""Watch from outside which network cards answer for which address until SIGTERM.

Usage: watch_answers.py OUTPUT NAMESPACE INTERFACE OWN ADDRESSES MACS   (lists separated by commas)
From INTERFACE (address OWN) of NAMESPACE every address is asked of every card each 50 ms: an ARP question to all, and an echo request
in a frame of its own to each card, as a host would send it that has an old neighbour entry. OUTPUT gets one line per change,
`SECONDS ADDRESS MACS`, and `TWICE ...` when two cards have answered in two rounds that follow each other (an address may move in the
middle of one)."""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import time

CLONE_NEWNET, ETH_P_ALL = 0x40000000, 3
ARP, IPV4 = 0x0806, 0x0800
EVERYBODY = b"\xff" * 6


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(own_mac, mac, own, address):
    icmp = struct.pack("!BBHHH", 8, 0, 0, 0xC7DB, 1) + b"who has this address?   "
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0, own, address)
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return mac + own_mac + struct.pack("!H", IPV4) + header + icmp


def arp_question(own_mac, own, address):
    return EVERYBODY + own_mac + struct.pack("!HHHBBH6s4s6s4s", ARP, 1, IPV4, 6, 4, 1, own_mac, own, b"\0" * 6, address)


def answered_for(frame):
    """The address a frame answers for, or None."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == ARP and len(frame) >= 42 and frame[20:22] == b"\0\2":
        return frame[28:32]
    if kind == IPV4 and len(frame) >= 42 and frame[23] == 1 and frame[34] == 0 and frame[38:40] == b"\xc7\xdb":
        return frame[26:30]
    return None


def ask_all(card, questions, macs):
    for question in questions:
        card.send(question)
    answers = {}
    end = time.monotonic() + 0.02
    while select.select([card], [], [], max(0, end - time.monotonic()))[0]:
        frame = card.recv(2048)
        address = answered_for(frame) if len(frame) >= 34 else None
        if address is not None and frame[6:12] in macs:
            answers.setdefault(socket.inet_ntoa(address), set()).add(frame[6:12].hex(":"))
    return answers


def main(output, namespace, interface, own, addresses, macs):
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"cannot enter {namespace}")
    card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    card.bind((interface, 0))
    own_mac = card.getsockname()[4]
    own = socket.inet_aton(own)
    macs = {bytes.fromhex(mac.replace(":", "")) for mac in macs.split(",")}
    questions = []
    for address in map(socket.inet_aton, addresses.split(",")):
        questions.append(arp_question(own_mac, own, address))
        questions += [echo_request(own_mac, mac, own, address) for mac in sorted(macs)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = os.getppid()
    before = {}
    with open(output, "w", buffering=1) as log:
        while os.getppid() == parent:
            now = ask_all(card, questions, macs)
            for address in sorted(now.keys() | before.keys()):
                who, had = now.get(address, set()), before.get(address, set())
                text = f"{time.time():.3f} {address} {','.join(sorted(who)) or '-'}\n"
                if who != had:
                    log.write(text)
                if len(who) > 1 and len(had) > 1:
                    log.write("TWICE " + text)
            before = now
            time.sleep(0.03)


main(*sys.argv[1:])
