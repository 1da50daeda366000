#!/usr/bin/env python3
"""Watch from outside which network cards answer for which address until SIGTERM.

Usage: watch_answers.py OUTPUT NAMESPACE INTERFACE OWN4 OWN6 ADDRESSES MACS   (lists separated by commas)
From INTERFACE (addresses OWN4 and OWN6) of NAMESPACE every address is asked of every card each 50 ms: an ARP question to all, or a
neighbour solicitation to each card, and an echo request in a frame of its own to each card, as a host would send it that has an old
neighbour entry. OUTPUT gets one line per change, `SECONDS ADDRESS MACS`, and `TWICE ...` when two cards have answered in two rounds
that follow each other (an address may move in the middle of one)."""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import time

CLONE_NEWNET, ETH_P_ALL = 0x40000000, 3
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
ICMPV6, ECHO_REQUEST6, ECHO_REPLY6, SOLICITATION, ADVERTISEMENT, SOLICITED = 58, 128, 129, 135, 136, 0x40
MARK = b"\xc7\xdb"  # of our echo requests
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


def icmpv6_frame(own_mac, mac, own, to, body):
    length = struct.pack("!I", len(body))
    sum_of_all = checksum(own + to + length + bytes((0, 0, 0, ICMPV6)) + body)
    body = body[:2] + struct.pack("!H", sum_of_all) + body[4:]
    return mac + own_mac + struct.pack("!HIHBB", IPV6, 0x60000000, len(body), ICMPV6, 255) + own + to + body


def echo_request6(own_mac, mac, own, address):
    return icmpv6_frame(own_mac, mac, own, address, struct.pack("!BBH2sH", ECHO_REQUEST6, 0, 0, MARK, 1) + b"who has this?   ")


def solicitation(own_mac, mac, own, address):
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + address[13:]
    return icmpv6_frame(own_mac, mac, own, group, struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + address + b"\1\1" + own_mac)


def questions_about(address, own_mac, macs, own4, own6):
    if ":" in address:
        raw = socket.inet_pton(socket.AF_INET6, address)
        return [ask(own_mac, mac, own6, raw) for mac in sorted(macs) for ask in (solicitation, echo_request6)]
    raw = socket.inet_aton(address)
    return [arp_question(own_mac, own4, raw)] + [echo_request(own_mac, mac, own4, raw) for mac in sorted(macs)]


def answered_for_6(frame):
    if frame[20] != ICMPV6 or len(frame) < 62:
        return None
    if frame[54] == ADVERTISEMENT and frame[58] & SOLICITED and len(frame) >= 78:
        return frame[62:78]
    return frame[22:38] if frame[54] == ECHO_REPLY6 and frame[58:60] == MARK else None


def answered_for(frame):
    """The address a frame answers for, or None."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == ARP and len(frame) >= 42 and frame[20:22] == b"\0\2":
        return frame[28:32]
    if kind == IPV4 and len(frame) >= 42 and frame[23] == 1 and frame[34] == 0 and frame[38:40] == MARK:
        return frame[26:30]
    return answered_for_6(frame) if kind == IPV6 and len(frame) >= 54 else None


def ask_all(card, questions, macs):
    for question in questions:
        card.send(question)
    answers = {}
    end = time.monotonic() + 0.02
    while select.select([card], [], [], max(0, end - time.monotonic()))[0]:
        frame = card.recv(2048)
        address = answered_for(frame) if len(frame) >= 34 else None
        if address is not None and frame[6:12] in macs:
            family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
            answers.setdefault(socket.inet_ntop(family, address), set()).add(frame[6:12].hex(":"))
    return answers


def main(output, namespace, interface, own4, own6, addresses, macs):
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
            sys.exit(f"cannot enter {namespace}")
    card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    card.bind((interface, 0))
    own_mac = card.getsockname()[4]
    own4, own6 = socket.inet_aton(own4), socket.inet_pton(socket.AF_INET6, own6)
    macs = {bytes.fromhex(mac.replace(":", "")) for mac in macs.split(",")}
    questions = []
    for address in addresses.split(","):
        questions += questions_about(address, own_mac, macs, own4, own6)
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
