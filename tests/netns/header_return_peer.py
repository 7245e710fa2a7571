#!/usr/bin/env python3
"""Another implementation of the header return's client, written from docs/HEADER-RETURN.md alone, against
mirror-intercept: the page's vectors, keys, claims, held replies, refusals.

  header_return_peer.py MIRROR_INTERCEPT nfqueue v4 DOC
"""
import hashlib
import hmac
import os
import re
import select
import signal
import socket
import struct
import sys
import tempfile
import time

import intercept_methods as lab
from intercept_methods import ACK, RETURN, SERVICE, SYN, TEST, expect

DOC = sys.argv[4]
HELLO, CLAIM, UNCLAIM, HEADERS, HEARTBEAT, ERROR, CLAIM_RANGE = 1, 2, 3, 4, 5, 7, 8
KEY = b"mirrorlab test vector key"


# --- the page, in Python

def frame(kind, count, body, version=1):
    return struct.pack("!IBBH", len(body), kind, version, count) + body


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def family(packed):
    return 6 if len(packed) == 16 else 4


def flow(client, client_port, server, server_port):
    client, server = address(client), address(server)
    return struct.pack("!BHH", family(client), client_port, server_port) + client + server


def client_range(prefix, bits, server, server_port):
    prefix, server = address(prefix), address(server)
    return struct.pack("!BBH", family(prefix), bits, server_port) + prefix + server


def record(client, client_port, server, server_port, flags, window, seq, ack, payload, options):
    client, server = address(client), address(server)
    return struct.pack("!BBHHHII", family(client), flags, window, client_port, server_port, seq,
                       ack) + payload.to_bytes(3, "big") + bytes([len(options)]) + client + server + options


def read_record(body):
    fam, flags, window, client_port, server_port, seq, ack = struct.unpack("!BBHHHII", body[:16])
    size = 16 if fam == 6 else 4
    payload, options = int.from_bytes(body[16:19], "big"), body[19]
    end = 20 + 2 * size + options
    return {"flags": flags, "port": client_port, "server_port": server_port, "seq": seq, "ack": ack, "window": window,
            "payload": payload, "client": body[20:20 + size], "server": body[20 + size:20 + 2 * size],
            "options": body[20 + 2 * size:end]}, body[end:]


def proof(key, role, server_nonce, client_nonce):
    if key is None:
        return bytes(32)
    digest = hashlib.blake2b(key, digest_size=32).digest()
    return hmac.new(digest, role + server_nonce + client_nonce, hashlib.sha512).digest()[:32]


def hello(keyed, nonce, said):
    return frame(HELLO, 1, bytes([1 if keyed else 0]) + nonce + said)


def check_vectors():
    with open(DOC, encoding="utf-8") as page:
        found = dict(re.findall(r"^vector (\S+)\n((?:[0-9a-f ]+\n)+)", page.read(), re.M))
    server, client = bytes(range(32)), bytes(range(32, 64))
    timestamps = lambda value, echo: b"\x08\x0a" + struct.pack("!II", value, echo)
    made = {
        "hello-server-open": hello(False, server, bytes(32)),
        "hello-client-keyed": hello(True, client, proof(KEY, b"copy", server, client)),
        "hello-server-keyed": hello(True, server, proof(KEY, b"intercept", server, client)),
        "heartbeat": frame(HEARTBEAT, 0, b""),
        "heartbeat-numbered": frame(HEARTBEAT, 258, b""),
        "claim-v4": frame(CLAIM, 2, b"".join(flow("10.1.0.1", p, "10.2.0.2", 80) for p in (40000, 40001))),
        "unclaim-v6": frame(UNCLAIM, 1, flow("fd00::1", 40000, "fd00:2::2", 443)),
        "claim-range": frame(CLAIM_RANGE, 1, client_range("10.1.0.0", 16, "10.2.0.2", 8080)),
        "headers-syn-ack": frame(HEADERS, 1, record("10.1.0.1", 40000, "10.2.0.2", 80, 0x12, 65160, 0x01020304, 0x0a0b0c0d,
                                                    0, b"\x02\x04\x05\xb4\x04\x02" + timestamps(1000, 2000) + b"\x03\x03\x07")),
        "headers-super-packet-v6": frame(HEADERS, 1, record(
            "fd00::1", 40000, "fd00:2::2", 443, 0x18, 512, 0xfffffff0, 5, 65000,
            timestamps(1001, 2001) + b"\x05\x0a" + struct.pack("!II", 0x0a0b1000, 0x0a0b2000))),
        "error": frame(ERROR, 1, b"wrong key"),
    }
    expect(set(found) == set(made), f"vectors of the page: {sorted(found)}")
    for name, data in made.items():
        expect(bytes.fromhex(found[name]) == data, f"vector {name}: the page says\n{found[name]}, its text gives {data.hex(' ')}")


class Closed(Exception):
    pass


class Peer:
    def __init__(self, space, key=KEY, said=None, silent=False):
        """`said`: a hello of somebody else's, to be played back. `silent`: it sends no heartbeats."""
        self.silent, self.spoke_at = silent, time.monotonic()
        self.socket = space.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect((TEST, RETURN))
        self.data, self.records = b"", []
        _, body = self.frame(HELLO)
        server_nonce, client_nonce = body[1:33], os.urandom(32)
        expect(body[33:] == bytes(32), "the server's first proof is all zero")
        self.said = said or hello(key is not None, client_nonce, proof(key, b"copy", server_nonce, client_nonce))
        self.socket.sendall(self.said)
        _, body = self.frame(HELLO)
        expect(body[1:33] == server_nonce, "the server's nonce is the same as before")
        expect(body[33:] == proof(key, b"intercept", server_nonce, client_nonce), "the server knows the key")

    def bytes(self, count):
        while len(self.data) < count:
            if not self.silent and time.monotonic() > self.spoke_at + 1 and hasattr(self, "said"):
                self.send(HEARTBEAT)
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed()
            self.data += more
        result, self.data = self.data[:count], self.data[count:]
        return result

    def frame(self, wanted):
        while True:
            length, kind, version, count = struct.unpack("!IBBH", self.bytes(8))
            expect(version == 1 and length <= 65536, "a frame as the page says")
            body = self.bytes(length)
            if kind == ERROR:
                raise Closed(body.decode())
            if kind == HEADERS and wanted != HEADERS:
                self.keep(count, body)
            if kind == wanted:
                return count, body

    def keep(self, count, body):
        for _ in range(count):
            one, body = read_record(body)
            self.records.append(one)
        expect(not body, "nothing is left over in a frame")

    def send(self, kind, *items):
        self.socket.sendall(frame(kind, len(items), b"".join(items)))
        self.spoke_at = time.monotonic()

    def reply(self, port, flags=SYN | ACK):
        """The next record of this client port with these flags."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for at, one in enumerate(self.records):
                if one["port"] == port and one["flags"] & flags == flags:
                    return self.records.pop(at)
            self.keep(*self.frame(HEADERS))
        raise SystemExit(f"no record of port {port}")

    def quiet(self, port):
        """True when no record of this port comes for a moment."""
        end = time.monotonic() + 0.1
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            self.data += self.socket.recv(65536)
            while len(self.data) >= 8 and len(self.data) >= 8 + struct.unpack("!I", self.data[:4])[0]:
                length, kind, _, count = struct.unpack("!IBBH", self.bytes(8))
                body = self.bytes(length)
                if kind == HEADERS:
                    self.keep(count, body)
        return all(one["port"] != port for one in self.records)


def refused(why, space, **how):
    try:
        Peer(space, **how)
    except Closed as closed:
        return str(closed)
    raise SystemExit(f"{why} was let in")


def main():
    lab.enter_namespace()
    check_vectors()
    spaces = lab.lay_out()
    online, test = spaces["online"], spaces["test"]
    service = lab.listen(test, SERVICE)  # held until the end
    raw = online.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    syn = lambda source, port: raw.sendto(lab.packet(source, port, 1000, 0, SYN), (TEST, 0))
    with tempfile.NamedTemporaryFile() as key:
        key.write(KEY)
        key.flush()
        intercept = lab.Intercept(test)
        intercept.words[intercept.words.index("--listen") + 1] = f"{TEST}:{RETURN}"
        intercept.words += ["--key-file", key.name]
        if "unavailable" in intercept.once("--check").stdout:
            return 77
        intercept.start()

        good = Peer(online)
        silent = Peer(online, silent=True)
        silent_since = time.monotonic()
        refused("a wrong key", online, key=b"another key of 26 letters.")
        refused("no key", online, key=None)
        refused("a hello played back", online, said=good.said)

        # A session beats a range, the longer prefix the shorter; each record goes to one peer only.
        wide, narrow = Peer(online), Peer(online)
        wide.send(CLAIM_RANGE, client_range("10.1.0.0", 16, TEST, SERVICE))
        narrow.send(CLAIM_RANGE, client_range("10.1.7.0", 24, TEST, 0))
        good.send(CLAIM, flow("10.1.7.1", 41000, TEST, SERVICE))
        for source, port, owner in [("10.1.3.1", 41001, wide), ("10.1.7.1", 41002, narrow), ("10.1.7.1", 41000, good)]:
            syn(source, port)
            one = owner.reply(port)
            expect(one["client"] == address(source) and one["server"] == address(TEST) and one["ack"] == 1001
                   and one["server_port"] == SERVICE and one["payload"] == 0, f"a SYN-ACK of {port}: {one}")
            expect(b"\x02\x04" in one["options"], "its MSS comes with it")
            for other in {wide, narrow, good} - {owner}:
                expect(other.quiet(port), f"a record of {port} went to a peer that had not claimed it")

        # Held until it is claimed; a later claim takes over; unclaimed, it is held again.
        syn("10.8.8.8", 41010)
        expect(good.quiet(41010) and wide.quiet(41010), "nobody has claimed 41010")
        good.send(CLAIM, flow("10.8.8.8", 41010, TEST, SERVICE))
        good.reply(41010)
        narrow.send(CLAIM, flow("10.8.8.8", 41010, TEST, SERVICE))
        narrow.reply(41010)  # the SYN-ACK is sent again
        # Two to one connection, in one frame.
        good.send(CLAIM, flow("10.8.8.8", 41011, TEST, SERVICE), flow("10.8.8.8", 41012, TEST, SERVICE))
        syn("10.8.8.8", 41011)
        syn("10.8.8.8", 41012)
        good.reply(41011)
        good.reply(41012)

        # A connection that breaks keeps its flows: what came meanwhile is given to the one who claims again.
        good.socket.close()
        syn("10.1.7.1", 41013)
        narrow.reply(41013)
        good = Peer(online)
        good.send(CLAIM, flow("10.8.8.8", 41014, TEST, SERVICE))
        syn("10.8.8.8", 41014)
        good.reply(41014)

        # Nonsense costs its sender the connection, and nobody else.
        claim = flow("10.8.8.8", 42000, TEST, SERVICE)
        for what, data in {
                "another version": frame(CLAIM, 1, claim, version=2),
                "an unknown type": frame(77, 1, claim),
                "a reserved type": frame(6, 0, b""),
                "a body that is too long": struct.pack("!IBBH", 65537, CLAIM, 1, 1),
                "an item that is cut": frame(CLAIM, 1, claim[:-1]),
                "bytes left over": frame(CLAIM, 1, claim + b"\0"),
                "another family": frame(CLAIM, 1, b"\x05" + claim[1:]),
                "a prefix that is too long": frame(CLAIM_RANGE, 1, client_range("10.1.0.0", 33, TEST, SERVICE)),
                "headers, which are not a client's": frame(HEADERS, 0, b""),
                "a second hello": hello(True, bytes(32), bytes(32)),
        }.items():
            bad = Peer(online)
            bad.socket.sendall(data)
            try:
                bad.frame(HELLO)
                raise SystemExit(f"{what} was borne")
            except Closed:
                pass
        syn("10.8.8.8", 41020)
        good.send(CLAIM, flow("10.8.8.8", 41020, TEST, SERVICE))
        good.reply(41020)

        # Heartbeats come once a second, and who sends none is let go after six.
        begin = time.monotonic()
        good.frame(HEARTBEAT)
        expect(time.monotonic() - begin < 5, "a heartbeat within a second, or a little more")
        try:
            while True:
                silent.frame(HEARTBEAT)
        except Closed:
            expect(time.monotonic() - silent_since > 4, "silence is borne for 6 s")
        intercept.end(signal.SIGTERM)
        service.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
