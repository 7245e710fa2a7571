#!/usr/bin/env python3
"""mirror-copy plays recorded captures to a test service, as fast as recorded and faster, drains and ends by itself.

  recorded_copy.py MIRROR_COPY MIRROR_INTERCEPT
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

COPY, INTERCEPT = sys.argv[1:3]
TEST = "10.2.0.2"
SESSIONS = 20
SPEEDS = (1, 2, 10, 100)
ANSWER = b"answer\n"


def enter_namespace():
    if os.environ.get("MIRRORLAB_IN_NAMESPACE"):
        return
    os.environ["MIRRORLAB_IN_NAMESPACE"] = "1"
    words = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run(words + ["true"], check=False, capture_output=True).returncode != 0:
        print("no network namespace here")
        sys.exit(77)
    os.execvp(words[0], words + [sys.executable] + sys.argv)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(port, seq, ack, flags, payload=b"", tagged=False):
    src, dst = socket.inet_aton("10.9.0.1"), socket.inet_aton("10.1.0.1")
    options = b"\x02\x04\x05\xb4" if flags & 2 else b""
    head = struct.pack("!HHIIBBHHH", port, 80, seq, ack, (20 + len(options)) // 4 << 4, flags, 60000, 0, 0)
    tcp = head + options + payload
    pseudo = src + dst + struct.pack("!BBH", 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0, src, dst)
    tag = struct.pack("!HH", 0x8100, 5) if tagged else b""
    return b"\x02" * 12 + tag + b"\x08\x00" + ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def record(path, first_port):
    """Sessions of two turns each; half of them behind a VLAN tag; and a packet of another port."""
    streams = {}
    length = 0
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))

        def put(at, data):
            out.write(struct.pack("<IIII", 1000 + int(at), int(at % 1 * 1e6), len(data), len(data)) + data)

        for i in range(SESSIONS):
            port, seq, ack, tagged = first_port + i, 1000 * i, 5001, i % 2 == 1
            turns = [f"first of {i}\n".encode(), f"second of {i}, ".encode() * 50 + b"\n"]
            streams[port] = b"".join(turns)
            at = i * 0.05
            put(at, frame(port, seq, 0, 0x02, tagged=tagged))
            seq += 1
            put(at + 0.1, frame(port, seq, ack, 0x10, tagged=tagged))
            for turn in turns:
                put(at + 0.2, frame(port, seq, ack, 0x18, turn, tagged))
                seq, ack, at = seq + len(turn), ack + len(ANSWER), at + 0.5
                put(at, frame(port, seq, ack, 0x10, tagged=tagged))
            put(at + 0.1, frame(port, seq, ack, 0x11, tagged=tagged))
            put(at + 0.2, frame(port, seq + 1, ack + 1, 0x10, tagged=tagged))
            length = at + 0.2
    return streams, length


def serve(listener, received):
    def one(connection, port):
        lines = connection.makefile("rb")
        for line in lines:
            received[port] = received.get(port, b"") + line
            connection.sendall(ANSWER)
        connection.close()

    while True:
        try:
            connection, (_, port) = listener.accept()
        except OSError:
            return
        threading.Thread(target=one, args=(connection, port), daemon=True).start()


def wait_ready(program):
    said = ""
    for line in program.stderr:
        said += line
        if "ready" in line:
            return
    raise SystemExit(f"not started: {said}")


def expect(condition, what):
    if not condition:
        raise SystemExit(f"{what}\nagain: {' '.join(sys.argv)}")


def test_host():
    """The second namespace: service and intercept, until stdin ends; then what the service received."""
    sys.stdin.readline()
    for words in ("link set lo up", f"addr add {TEST}/24 dev far", "link set far up", "route add default via 10.2.0.1"):
        subprocess.run(["ip"] + words.split(), check=True)
    received = {}
    listener = socket.create_server((TEST, 8080), backlog=100)
    threading.Thread(target=serve, args=(listener, received), daemon=True).start()
    intercept = subprocess.Popen([INTERCEPT, "--no-auth", "--service-port", "8080", "--listen", f"{TEST}:36524"],
                                 stderr=subprocess.PIPE, text=True)
    wait_ready(intercept)
    print("ready", flush=True)
    sys.stdin.read()
    intercept.send_signal(signal.SIGTERM)
    intercept.communicate(timeout=20)
    print(json.dumps({port: data.decode() for port, data in received.items()}), flush=True)


def main():
    enter_namespace()
    if os.environ.get("MIRRORLAB_TEST_HOST"):
        return test_host()
    host = subprocess.Popen(["unshare", "-n", sys.executable] + sys.argv, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, env={**os.environ, "MIRRORLAB_TEST_HOST": "1"})
    own = os.readlink("/proc/self/ns/net")
    # unshare has made its namespace when the two differ; then the device can go there.
    while os.readlink(f"/proc/{host.pid}/ns/net") == own:
        os.sched_yield()
    for words in (f"link add near type veth peer name far netns {host.pid}", "link set lo up",
                  "addr add 10.2.0.1/24 dev near", "link set near up"):
        subprocess.run(["ip"] + words.split(), check=True)
    host.stdin.write("go\n")
    host.stdin.flush()
    expect(host.stdout.readline() == "ready\n", "the test host did not start")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "recorded.pcap")
        streams = {}
        for i, speed in enumerate(SPEEDS):
            recorded, length = record(path, 40000 + 100 * i)
            streams.update(recorded)
            began = time.monotonic()
            done = subprocess.run(
                [COPY, "--no-auth", "--map", f"80-{TEST}:8080", "--intercept", TEST, "--capture=pcap-file", "--file",
                 path, f"--speed={speed}"], capture_output=True, text=True, timeout=80, check=False)
            took = time.monotonic() - began
            expect(done.returncode == 0, f"at {speed}x mirror-copy ended with {done.returncode}: {done.stderr}")
            expect(f"{SESSIONS} sessions captured, {SESSIONS} mirrored exactly" in done.stderr, f"at {speed}x: {done.stderr}")
            expect(took >= length / speed, f"{length:.1f} s were played at {speed}x in {took:.1f} s")
    received, _ = host.communicate(timeout=20)
    received = {int(port): data.encode() for port, data in json.loads(received).items()}
    expect(received == streams, f"the service received {received}, recorded was {streams}")


main()
