#!/usr/bin/env python3
"""Each way of interception, in namespaces of its own: replies are taken, believed to be sent, given back as
headers; none leaks while the program is dead; the next start takes over; --detach leaves nothing, and takes nothing away
from a program that runs; the commands of --print-setup, typed by hand, are a set-up that the program works with.

  intercept_methods.py MIRROR_INTERCEPT nfqueue[,QUEUES]|ebpf|mirred|route[,READER] v4|v6
"""
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

PROGRAM, METHOD, FAMILY = sys.argv[1:4]
METHOD, _, VARIANT = METHOD.partition(",")
V6 = FAMILY == "v6"
SERVICE, OTHER, RETURN = 8080, 9090, 36524
TEST = "fd00:2::2" if V6 else "10.2.0.2"
CLIENT = "fd00:1::1" if V6 else "10.1.0.1"
PASSED = "fd00:9::9" if V6 else "10.9.0.9"
PASSED_NETWORKS = "10.9.0.0/16,fd00:9::/32"
NAMES = ["online", "test", "assistant"]
LIBC = ctypes.CDLL(None, use_errno=True)
SYN, RST, PSH, ACK = 2, 4, 8, 16


def enter_namespace():
    if os.environ.get("MIRRORLAB_IN_NAMESPACE"):
        return
    os.environ["MIRRORLAB_IN_NAMESPACE"] = "1"
    words = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run(words + ["true"], check=False, capture_output=True).returncode != 0:
        print("no network namespace here")
        sys.exit(77)
    os.execvp(words[0], words + [sys.executable] + sys.argv)


def expect(condition, what):
    if not condition:
        said = ""
        if Intercept.running and Intercept.running.poll() is not None:
            said = f"mirror-intercept ended with {Intercept.running.returncode}: {Intercept.running.stderr.read()}"
        raise SystemExit(f"{what}\n{said}again: {' '.join(sys.argv)}")


def wait_for(condition, what, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < end, f"not within {seconds} s: {what}")
        select.select([], [], [], 0.01)


class Namespace:
    """Held by a process of its own, which ends with this one."""

    def __init__(self):
        self.keeper = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        self.keeper.stdout.readline()
        self.file = os.open(f"/proc/{self.keeper.pid}/ns/net", os.O_RDONLY)

    def words(self):
        return ["nsenter", f"--net=/proc/{self.keeper.pid}/ns/net"]

    def run(self, command, **more):
        return subprocess.run(self.words() + command.split(), check=more.pop("check", True), text=True,
                              capture_output=True, timeout=20, **more)

    def socket(self, *arguments):
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        LIBC.setns(self.file, 0)
        try:
            return socket.socket(*arguments)
        finally:
            LIBC.setns(home, 0)
            os.close(home)


def lay_out():
    spaces = {name: Namespace() for name in NAMES}
    # The test host's two ways out: to the online host, and to the assistant, which leads there as well.
    links = [("online", "test", 2), ("test", "assistant", 3), ("assistant", "online", 4)]
    for space in spaces.values():
        for line in ["conf.all.rp_filter=0", "conf.default.rp_filter=0", "ip_forward=0", "tcp_congestion_control=reno"]:
            space.run(f"sysctl -qw net.ipv4.{line}")
        space.run("ip link set lo up")
    for left, right, net in links:
        spaces[left].run(f"ip link add {right}{net} type veth peer name {left}{net} netns {spaces[right].keeper.pid}")
        for number, (here, there) in enumerate([(left, right), (right, left)], start=1):
            device = f"{there}{net}"
            spaces[here].run(f"ip addr add 10.{net}.0.{number}/24 dev {device}")
            spaces[here].run(f"ip -6 addr add fd00:{net}::{number}/64 dev {device} nodad")
            spaces[here].run(f"ip link set {device} up")
    out = "3.0.2 dev assistant3" if METHOD == "route" else "2.0.1 dev online2"
    out6 = "3::2 dev assistant3" if METHOD == "route" else "2::1 dev online2"
    spaces["test"].run(f"ip route add default via 10.{out}")
    spaces["test"].run(f"ip -6 route add default via fd00:{out6}")
    spaces["assistant"].run("ip route add default via 10.4.0.2")
    spaces["assistant"].run("ip -6 route add default via fd00:4::2")
    return spaces


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(source, port, seq, ack, flags):
    """A client's segment without data."""
    kind = socket.AF_INET6 if V6 else socket.AF_INET
    addresses = socket.inet_pton(kind, source) + socket.inet_pton(kind, TEST)
    options = b"\x02\x04\x05\xb4" if flags & SYN else b""
    tcp = struct.pack("!HHIIBBHHH", port, SERVICE, seq, ack, (20 + len(options)) << 2, flags, 65000, 0, 0) + options
    tcp = tcp[:16] + struct.pack("!H", checksum(addresses + struct.pack("!II", len(tcp), 6) + tcp)) + tcp[18:]
    if V6:
        return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + addresses + tcp
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + addresses + tcp


class Tap:
    """What of the service, to this client, reaches the online host."""

    def __init__(self, space, client=CLIENT):
        self.client = socket.inet_pton(socket.AF_INET6 if V6 else socket.AF_INET, client)
        self.socket = space.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.setblocking(False)
        self.seen = []

    def replies(self):
        while True:
            try:
                data, address = self.socket.recvfrom(65536)
            except BlockingIOError:
                return self.seen
            at = 40 if data[0] >> 4 == 6 else (data[0] & 15) * 4
            tcp = data[6] if data[0] >> 4 == 6 else data[9]
            to = data[24:40] if data[0] >> 4 == 6 else data[16:20]
            # Not what this host sends; TCP from the service.
            if address[2] != 4 and tcp == 6 and to == self.client and data[at:at + 2] == struct.pack("!H", SERVICE):
                self.seen.append(data)


class Peer:
    """A copy engine, as far as the header return goes (docs/HEADER-RETURN.md)."""

    def __init__(self, space):
        self.socket = space.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.connect(("127.0.0.1", RETURN))
        self.socket.settimeout(15)
        self.data = b""
        self.frame(1)
        self.socket.sendall(struct.pack("!IBBH", 65, 1, 1, 1) + bytes(65))
        self.frame(1)
        self.records = []

    def bytes(self, count):
        while len(self.data) < count:
            more = self.socket.recv(65536)
            expect(more, "the intercept closed the header return")
            self.data += more
        result, self.data = self.data[:count], self.data[count:]
        return result

    def frame(self, wanted):
        while True:
            length, kind, _, count = struct.unpack("!IBBH", self.bytes(8))
            body = self.bytes(length)
            if kind == wanted:
                return count, body

    def claim(self, port):
        kind = socket.AF_INET6 if V6 else socket.AF_INET
        body = struct.pack("!BHH", 6 if V6 else 4, port, SERVICE) + socket.inet_pton(kind, CLIENT) + socket.inet_pton(
            kind, TEST)
        self.socket.sendall(struct.pack("!IBBH", len(body), 2, 1, 1) + body)

    def reply(self, matches, what):
        """The next record that matches: (port, flags, seq, ack, payload)."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            while self.records:
                record = self.records.pop(0)
                if matches(*record):
                    return record
            count, body = self.frame(4)
            for _ in range(count):
                _, flags, _, port, _, seq, ack = struct.unpack("!BBHHHII", body[:16])
                size = 20 + (32 if V6 else 8) + body[19]
                self.records.append((port, flags, seq, ack, int.from_bytes(body[16:19], "big")))
                body = body[size:]
        raise SystemExit(f"no header record of {what}\nagain: {' '.join(sys.argv)}")


class Intercept:
    running = None

    def __init__(self, space):
        self.space = space
        self.words = [PROGRAM, "--service-port", str(SERVICE), "--listen", f"127.0.0.1:{RETURN}", "--via", METHOD]
        if VARIANT:
            self.words += ["--reader" if METHOD == "route" else "--queues", VARIANT]
        if METHOD == "route":
            self.words += ["--device", "test3"]
        else:
            self.words += ["--pass", PASSED_NETWORKS]
        self.program = None

    def start(self):
        self.program = subprocess.Popen(self.space.words() + self.words, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=lambda: LIBC.prctl(1, signal.SIGKILL))
        Intercept.running = self.program
        said = ""
        for line in self.program.stderr:
            said += line
            if "ready" in line:
                return
        raise SystemExit(f"mirror-intercept did not start: {said}")

    def end(self, number):
        self.program.send_signal(number)
        return self.program.communicate(timeout=20)[1]

    def once(self, *options):
        return self.space.run(" ".join(self.words + list(options)), check=False)


def unacked(connection):
    """tcpi_unacked of struct tcp_info, and its total of retransmitted segments."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return struct.unpack_from("I", info, 24)[0], struct.unpack_from("I", info, 100)[0]


class Mirrored:
    """One mirrored connection: segments by a raw socket, answers by header return."""

    def __init__(self, raw, peer, port):
        self.raw, self.peer, self.port, self.next = raw, peer, port, 1000
        self.send(SYN, 0)
        self.peer.claim(port)
        _, _, seq, _, _ = peer.reply(lambda p, flags, *_: p == port and flags & (SYN | ACK) == SYN | ACK, "a SYN-ACK")
        self.next += 1
        self.acked = seq + 1
        self.send(ACK, self.acked)

    def send(self, flags, ack):
        self.raw.sendto(packet(CLIENT, self.port, self.next, ack & 0xFFFFFFFF, flags), (TEST, 0))

    def take(self, count):
        """Waits for so many bytes of answer, and acks each."""
        goal = self.acked + count
        while self.acked != goal:
            _, _, seq, _, payload = self.peer.reply(lambda p, *_: p == self.port, f"{goal - self.acked} answer bytes")
            if seq == self.acked & 0xFFFFFFFF:
                self.acked += payload
            self.send(ACK, self.acked)


def connects(space, port):
    with space.socket(socket.AF_INET6 if V6 else socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((TEST, port))
        return True


def listen(space, port):
    server = space.socket(socket.AF_INET6 if V6 else socket.AF_INET, socket.SOCK_STREAM)
    server.bind(("::" if V6 else "0.0.0.0", port))
    server.listen(64)
    server.settimeout(15)
    return server


def left_behind(space):
    found = [space.run(c, check=False).stdout for c in ["tc qdisc show", "ip link show", "iptables-save", "ip6tables-save"]]
    return [line for text in found for line in text.splitlines() if "clsact" in line or "mi-" in line or
            "mirror-intercept" in line]


def set_up_by_hand(spaces, intercept):
    """Each printed command as it stands, in a shell of the host it is for."""
    words = {"CLIENT_NETWORK": "fd00:1::/64" if V6 else "10.1.0.0/16",
             "ADDRESS_OF_THIS_HOST": "fd00:3::2" if V6 else "10.3.0.2"}
    where, typed = intercept.space, 0
    for line in intercept.once("--print-setup").stdout.splitlines():
        if "On the test host" in line:
            where = spaces["test"]
        if line.startswith("#"):
            continue
        for word, meant in words.items():
            line = line.replace(word, meant)
        done = subprocess.run(where.words() + ["sh", "-c", line], check=False, capture_output=True, text=True, timeout=20)
        expect(done.returncode == 0, f"printed `{line}`: {done.stdout}{done.stderr}")
        typed += 1
    expect(typed > 0, "--print-setup printed no command")


def by_hand(spaces, intercept, service, raw, tap):
    if METHOD == "route":
        # Only the printed routes are to lead to the assistant.
        spaces["test"].run("ip route del default")
        spaces["test"].run("ip -6 route del default")
    set_up_by_hand(spaces, intercept)
    if METHOD == "ebpf":  # its commands attach no program
        intercept.start()
    tap.replies()
    tap.seen.clear()
    raw.sendto(packet(CLIENT, 40300, 1, 0, SYN), (TEST, 0))
    expect(connects(spaces["online"], OTHER), "another service while only the printed commands are in force")
    if METHOD != "ebpf":
        intercept.start()
    session = Mirrored(raw, Peer(intercept.space), 40301)
    connection, _ = service.accept()
    connection.sendall(b"h" * 2000)
    session.take(2000)
    wait_for(lambda: unacked(connection)[0] == 0, "set up by hand: the test host takes the ack")
    expect(not tap.replies(), f"set up by hand: {len(tap.seen)} replies reached the online host")
    intercept.end(signal.SIGKILL)
    for time_of in ("once", "twice"):
        done = intercept.once("--detach")
        expect(done.returncode == 0 and not done.stderr, f"--detach {time_of} after SIGKILL: {done.stderr}")
        expect(not left_behind(intercept.space), f"--detach {time_of} left {left_behind(intercept.space)}")


def main():
    enter_namespace()
    spaces = lay_out()
    online, test = spaces["online"], spaces["test"]
    where = spaces["assistant"] if METHOD == "route" else test
    service, other = listen(test, SERVICE), listen(test, OTHER)
    raw = online.socket(socket.AF_INET6 if V6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    tap, passed = Tap(online), Tap(online, PASSED)

    intercept = Intercept(where)
    check = intercept.once("--check", "--client", CLIENT)
    if METHOD == "ebpf" and ("EPERM" in check.stdout or "built without" in check.stdout):
        print(check.stdout)
        return 77
    expect(check.returncode == 0, f"--check: {check.stdout}{check.stderr}")
    intercept.start()
    if METHOD != "route":
        second = intercept.once()
        expect(second.returncode == 3, f"two of them at once: {second.stderr}")
        before = left_behind(where)
        refused = intercept.once("--detach")
        expect(refused.returncode == 3 and before and left_behind(where) == before,
               f"--detach while it runs: {refused.returncode} {refused.stderr}")

    peer = Peer(where)
    session = Mirrored(raw, peer, 40000)
    connection, _ = service.accept()
    connection.sendall(b"x" * 5000)
    session.take(5000)
    wait_for(lambda: unacked(connection)[0] == 0, "the test host takes the ack for what it believes it sent")
    expect(connects(online, OTHER), "another service of the test host")
    expect(not tap.replies(), f"{len(tap.seen)} replies reached the online host")
    if METHOD != "route":
        raw.sendto(packet(PASSED, 40101, 1, 0, SYN), (TEST, 0))
        wait_for(passed.replies, "a reply to a passed network reaches the online host")

    intercept.end(signal.SIGKILL)
    before = unacked(connection)[1]
    connection.sendall(b"y" * 3000)
    wait_for(lambda: unacked(connection)[1] > before, "the test host sends again what nobody acks")
    raw.sendto(packet(CLIENT, 40001, 1, 0, SYN), (TEST, 0))
    expect(connects(online, OTHER), "another service while the program is dead")
    expect(not tap.replies(), f"killed: {len(tap.seen)} replies reached the online host")

    intercept.start()
    session.peer = peer = Peer(where)
    peer.claim(40000)
    session.take(3000)
    wait_for(lambda: unacked(connection)[0] == 0, "the connection goes on after the restart")
    for port in range(40010, 40030):
        Mirrored(raw, peer, port)
        service.accept()
    expect(not tap.replies(), f"taken over: {len(tap.seen)} replies reached the online host")

    if METHOD == "route":
        where.run("sysctl -qw net.ipv4.conf.test3.forwarding=1")
        warned = intercept.program.stderr.readline()
        expect("warning: net.ipv4.conf.test3.forwarding is on" in warned, f"said of forwarding: {warned}")
        where.run("sysctl -qw net.ipv4.conf.test3.forwarding=0")
    if METHOD in ("ebpf", "mirred"):
        filters = lambda: where.run("tc filter show dev online2 egress", check=False).stdout
        where.run("tc qdisc del dev online2 clsact")
        wait_for(filters, "filters that somebody else removed are put back")
        tap.replies()
        tap.seen.clear()
        raw.sendto(packet(CLIENT, 40002, 1, 0, SYN), (TEST, 0))
        peer.claim(40002)
        peer.reply(lambda p, *_: p == 40002, "a SYN-ACK after filters were put back")
        expect(not tap.replies(), f"put back: {len(tap.seen)} replies reached the online host")

    said = intercept.end(signal.SIGTERM)
    expect("took" in said, f"said: {said}")
    connection.sendall(b"z")
    before = unacked(connection)[1]
    wait_for(lambda: unacked(connection)[1] > before, "the test host sends again what nobody acks")
    expect(not tap.replies(), f"ended with live connections: {len(tap.seen)} replies reached the online host")

    if METHOD == "route":
        where.run("sysctl -qw net.ipv4.conf.test3.forwarding=1 net.ipv6.conf.all.forwarding=1")
        refused = intercept.once()
        expect(refused.returncode == 3 and "forwarding is on" in refused.stderr and "sysctl -w" in refused.stderr,
               f"started although the assistant forwards: {refused.stderr}")
        expect(intercept.once("--check").returncode == 3, "--check with forwarding on")
    else:
        expect("rules stay" in said and "--detach" in said, f"said: {said}")
        expect(left_behind(where), "what was set up must stay")
        subprocess.run(where.words() + said.split("`")[1].replace("mirror-intercept", PROGRAM, 1).split(), check=True,
                       timeout=20)
        expect(not left_behind(where), f"--detach left {left_behind(where)}")
    raw.sendto(packet(CLIENT, 40200, 1, 0, SYN), (TEST, 0))
    wait_for(tap.replies, "without interception a reply reaches the online host (or this test sees nothing)")
    by_hand(spaces, intercept, service, raw, tap)
    return 0


if __name__ == "__main__":
    sys.exit(main())
