#!/usr/bin/env python3
"""A laboratory with a prompt: commands in a pipe and on a terminal, visitors, breakpoints, --keep.

usage: hands_on.py MIRRORLAB SAMPLE_PROJECT OUT
"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

MIRRORLAB, SAMPLE, OUT = sys.argv[1], sys.argv[2], os.path.abspath(sys.argv[3])
# Other laboratories of the same user may be up: this one is known by its name.
NAME = f"greets-{os.getpid()}"
GREETS = [f"{OUT}/{NAME}.yaml", "--variant", "ip=v4"]
problems = []


def check(holds, what, text=""):
    if not holds:
        problems.append(f"{what}\n{text}")


def piped(name, lines, *options, code=0):
    command = [MIRRORLAB, "up", *GREETS, "--out", f"{OUT}/{name}", *options]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    check(done.returncode == code, f"{name}: ended with {done.returncode}, not {code}", done.stdout + done.stderr)
    return done.stdout + done.stderr


def holds(name, text, *patterns):
    for pattern in patterns:
        check(re.search(pattern, text), f"{name}: the output does not hold /{pattern}/", text)


class Terminal:
    """A program on a terminal of its own, as a person uses it."""

    def __init__(self, *command):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(SHELL="/bin/sh", PS1="shell> ")
            os.execv(command[0], command)

    def expect(self, pattern, seconds=20):
        """Waits for the pattern behind what was matched before; what came up to its end."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text, re.S)):
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                more = os.read(self.fd, 4096).decode(errors="replace") if ready else ""
            except OSError:  # the program has ended
                more = ""
            if not more:
                problems.append(f"a terminal did not show /{pattern}/ but\n{self.text}")
                return ""
            self.text += more
        before, self.text = self.text[:found.end()], self.text[found.end():]
        return before

    def say(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def end(self):
        """The exit code, 128 + signal."""
        while True:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def scenario(name, *changes):
    with open(SAMPLE + "/scenarios/greets.yaml") as f:
        text = f.read().replace("name: greets", "name: " + name)
    for old, new in changes:
        text = text.replace(old, new)
    with open(f"{OUT}/{name}.yaml", "w") as f:
        f.write(text)
    return f"{OUT}/{name}.yaml"


def into(name, command, *arguments):
    return visitor(command, "--run", name, *arguments)


def visitor(*arguments):
    return subprocess.run([MIRRORLAB, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def looking():
    text = piped("looking", ["# a comment", "help", "status", "traffic start", "wait traffic 20s",
                             "wait drained", "sessions", "session 1",
                             "counters", "links", "exec test ip -brief address", "exec test ls /sys/class/net", "timeline", "quit"],
                 "--idle")
    holds("looking", text, r"online\.web: pid \d+, sleeping", r"copy: pid \d+", r"http: not started",
          r"traffic http ended with 0", r"4 sessions opened", r"session 1: 10\.1\.0\.\d+:\d+ > 10\.200\.0\.1:80, mirrored to "
          r"10\.200\.0\.2:8080", r"clients to online: \d+ in", r"sessions_captured 4", r"records_returned \d+",
          r"10\.200\.0\.2/32", r"\nlo\nonline\n", r"the scenario has none")


def hurting():
    text = piped("hurting", ["down online test", "links", "heal online test", "impair clients online delay=5ms loss=1%", "links",
                             "kill copy", "status", "start copy", "halt intercept", "status", "resume intercept", "end test.web",
                             "status", "quit"], "--idle")
    holds("hurting", text, r"online-test, down", r"clients-online, delay=5ms loss=1%", r"copy: ended with 137",
          r"intercept: pid \d+, stopped", r"test\.web: ended with 0")


def refusals():
    text = piped("refusals", ["frobnicate", "impair online test lost=1%", "impair online moon loss=1%", "break session x sees SYN",
                              "exec moon true", "exec test false", "kill cpoy", "step", "continue", "session 9", "delete 4",
                              "traffic start nothing", "wait break 100ms", "break any session sees SYN on a-b", "start copy"],
                 "--idle", code=2)
    holds("refusals", text, "no command `frobnicate`", "no `lost`.*did you mean `loss`", "no link between online and moon",
          "`x` is no session", "no node moon", "`false` ended with 1", "no program cpoy.*did you mean `copy`",
          "nothing is stopped; `hold`", "nothing is stopped", "no session 9; 0 were opened", "no breakpoint 4",
          "no traffic nothing", "waited 100ms for break in vain", "no link a-b; there are: clients-online, online-test", "it runs already")
    bad = subprocess.run([MIRRORLAB, "up", *GREETS, "--break", "when pigs fly"], capture_output=True, text=True, timeout=30)
    check(bad.returncode == 2 and "is not how a breakpoint begins" in bad.stderr, "a wrong --break is not refused", bad.stderr)
    for arguments, words in ((["--break", "any session sees SYN on online-moon"], "no link online-moon; there are"),
                             (["--break", "any session sees SYN", "--tap"], "leave --tap out"),
                             (["--keep", "--format", "json"], "leave --format json out"),
                             (["--break", "any session sees SYN", "--repeat", "2"], "--break is for one run")):
        bad = subprocess.run([MIRRORLAB, "run", *GREETS, *arguments], capture_output=True, text=True, timeout=30)
        check(bad.returncode == 2 and words in bad.stderr, f"run {arguments} is not refused with '{words}'", bad.stderr)


HURT = """timeline:
  - {at: 400ms, kill: copy, restart_after: 100ms}
  - {at: 700ms, link: [online, test], loss: 10%, for: 100ms}
"""


def hurt_scenario(name):
    """A second of traffic, in which the timeline hurts the laboratory; its client comes after 50 ms."""
    return scenario(name, ("matrix: {ip: [v4, v6]}\n", ""), ("requests: 2}", "requests: 5, think: 200ms, start: 50ms}"),
                    ("expect:\n  - sessions.exact == 100%\n", HURT + "expect:\n  - sessions.missing == 0\n"))


def without_a_place():
    """No place for its files is one line with the way out, not an exception."""
    done = subprocess.run([MIRRORLAB, "up", *GREETS, "--out", "/proc/nowhere"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30)
    check(done.returncode == 2 and re.fullmatch(r"mirrorlab: cannot create /proc/nowhere: .*; name another with --out\n", done.stderr),
          "up without a place for its files", done.stderr)


def playing():
    """All that a scenario says happens, its timeline too, and again when asked; a failed fault is told."""
    file = hurt_scenario(f"hurt-{os.getpid()}")
    lines = ["wait traffic 20s", "timeline", "play", "play", "wait traffic 20s", "timeline", "quit"]
    done = subprocess.run([MIRRORLAB, "up", file, "--out", OUT + "/playing"], input="\n".join(lines), capture_output=True,
                          text=True, timeout=60)
    holds("playing", done.stdout, r"traffic http starts after 50ms\n(?s:.)*timeline: \+0\.[4-9]\d+s kill copy\n",
          r"copy has ended\n", r"timeline: \+\d\.\d+s start copy\n", r"traffic http ended with 0",
          r"done\n    \+\d\.\d+s kill copy\n    \+\d\.\d+s start copy\n    \+\d\.\d+s link online-test changed\n    \+\d\.\d+s link online-test as before\n",
          r"error: it is playing")
    check(done.returncode == 2, f"playing ended with {done.returncode}, not 2", done.stderr)
    check(done.stdout.count("timeline: ") == 8, "the timeline did not run twice", done.stdout)
    idle = subprocess.run([MIRRORLAB, "up", file, "--idle", "--out", OUT + "/idle"], input="timeline\nstatus\ntraffic start\nwait traffic\ntimeline\n",
                          capture_output=True, text=True, timeout=60)
    check(idle.returncode == 0 and idle.stdout.count("it begins with `play`") == 3 and "http: not started" in idle.stdout,
          "an idle laboratory is not idle", idle.stdout + idle.stderr)


def breaking_a_run():
    """A run stops at a breakpoint as `up` does; its times stand still meanwhile."""
    file = hurt_scenario(f"broken-run-{os.getpid()}")
    command = [MIRRORLAB, "run", file, "--out", OUT + "/broken-run", "--break", "session 2 sees DATA from copy"]
    stopped = Terminal(*command)
    stopped.expect(r"traffic .*breakpoint 1: session 2 sees DATA from copy\r\n  copy 10\..*everything is stopped; \d+ packets wait.*mirrorlab> ")
    stopped.say("timeline")
    before = stopped.expect("mirrorlab> ")
    stopped.say("exec test sleep 1")  # longer than the whole timeline
    stopped.expect("mirrorlab> ")
    stopped.say("timeline")
    after = stopped.expect("mirrorlab> ")
    check("to come" in after and after == before, "the timeline went on while everything was stopped", before + after)
    stopped.say("step 2")
    stopped.expect(r"went \w+ to \w+: .*mirrorlab> ")
    stopped.say("delete 1")
    stopped.expect("mirrorlab> ")
    stopped.say("continue")
    stopped.expect(r"drain .*(PASSED|INCONCLUSIVE).*stopped for [1-9]\d*\.\d+ s")
    check(stopped.end() in (0, 3), "a run that was stopped has no verdict")
    piped_run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    check("everything is stopped" in piped_run.stdout and piped_run.returncode in (0, 3),
          "at the end of the input a run does not go on", piped_run.stdout + piped_run.stderr)
    left = subprocess.run(command, input="quit\n", capture_output=True, text=True, timeout=60)
    check(left.returncode == 3 and "by `quit`" in left.stdout, "quit does not end a run", left.stdout + left.stderr)
    interrupted = Terminal(*command)
    interrupted.expect("mirrorlab> ")
    os.write(interrupted.fd, b"\x03")
    check(interrupted.end() == 130, "Ctrl-C at a breakpoint does not end the run with 130")


def breaking():
    text = piped("breaking", ["wait break 20s", "status", "step", "step 4", "delete 1", "continue", "wait traffic 20s",
                              "sessions", "quit"],
                 "--break", "session 3 sees SYN-ACK from test", "--traffic")
    holds("breaking", text,
          r"breakpoint 1: session 3 sees SYN-ACK from test\n  test 10\.200\.0\.2:8080 > 10\.1\.0\.\d+:\d+ \[S\.\] .*header on the way",
          r"everything is stopped; [1-9]\d* packets wait", r"copy:\n    .*sessions_captured", r"copy: pid \d+, stopped",
          r"intercept: pid \d+, stopped", r"test\.web: pid \d+, stopped", r"(went \w+ to \w+: .*\n(.*\n)*){5}",
          r"traffic http ended with 0")
    # The record is held before the copy engine has it: it has not sent the third packet of the handshake.
    at_hit = text[:text.find("went ")]
    check("sessions_mirrored" not in at_hit, "something had been mirrored when it stopped", text)
    held = re.search(r"from copy (\d+) packets, \d+ bytes; from test 1 packets", at_hit)
    check(held and held[1] == "1", "the copy engine acted on what the breakpoint holds", text)


def visiting():
    up = Terminal(MIRRORLAB, "up", *GREETS, "--idle", "--out", OUT + "/visiting")
    up.expect(NAME + r" is up; `play` begins its scenario.*mirrorlab> ")
    listed = visitor("labs")
    check(re.search("^" + NAME + r" \[ip=v4\]\n    nodes  clients online test$", listed.stdout, re.M), "labs does not list it", listed.stdout)
    seen = into(NAME, "exec", "test", "sh", "-c", "ip -brief address; ls /sys/class/net; pwd; cat /proc/1/comm; exit 7")
    check(seen.returncode == 7, f"exec ended with {seen.returncode}, not 7", seen.stderr)
    holds("exec", seen.stdout, r"10\.200\.0\.2/32", r"\nlo\nonline\n", re.escape(os.getcwd()), r"\nmirrorlab\n$")
    options = into(NAME, "exec", "online", "ls", "-d", "/sys/class/net/clients")
    check(options.returncode == 0, "the command's own options are not its own", options.stderr)
    for arguments, words in ((("exec", "--run", NAME, "moon", "true"), "no node moon; there are: clients online test"),
                             (("exec", "--run", "nobody", "test", "true"), "no laboratory nobody"),
                             (("exec", "--run", NAME, "test", "a-program-nobody-has"), "mirrorlab: a-program-nobody-has: ")):
        refused = visitor(*arguments)
        check(refused.returncode != 0 and words in refused.stderr, f"{arguments}: no '{words}'", refused.stderr)
    second = Terminal(MIRRORLAB, "up", *GREETS, "--idle", "--out", OUT + "/second")
    second.expect(NAME + r"\.2 is up.*mirrorlab> ")
    several = visitor("exec", "test", "true").stderr
    check(f" {NAME} {NAME}.2" in several, "two laboratories are not told apart", several)
    second.say("quit")
    check(second.end() == 0, "quit does not end with 0")
    shell = Terminal(MIRRORLAB, "shell", "--run", NAME, "online")
    shell.expect("shell> ")
    shell.say("ip -brief address; echo node $MIRRORLAB_NODE; sleep 51")
    shell.expect(r"10\.200\.0\.1/32.*node online\r")
    wait_for_sleep(51)
    os.write(shell.fd, b"\x03")  # Ctrl-C ends what runs in the shell, not the shell
    shell.expect("shell> ")
    up.say("exec test sleep 50")
    up.expect("sleep 50\r\n")
    wait_for_sleep(50)
    os.write(up.fd, b"\x03")  # ... nor the laboratory
    up.expect(r"`sleep` ended with 130\r\nmirrorlab> ")
    up.say("quit")
    check(up.end() == 0, "quit does not end with 0")
    # The shell was in the laboratory: it is gone with it.
    check(shell.end() in (137, -9), "a shell outlives its laboratory")
    check(NAME not in visitor("labs").stdout, "a laboratory that has ended is listed")


def wait_for_sleep(seconds):
    """Until the sleeper has the terminal: Ctrl-C would be somebody else's before."""
    while not any(c == f"sleep\0{seconds}\0" for c in commands()):
        time.sleep(0.01)


def commands():
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                found.append(f.read().decode(errors="replace"))
        except OSError:
            pass
    return found


def ending():
    interrupted = Terminal(MIRRORLAB, "up", *GREETS, "--out", OUT + "/interrupted")
    interrupted.expect("mirrorlab> ")
    os.write(interrupted.fd, b"\x03")
    check(interrupted.end() == 130, "Ctrl-C does not end it with 130")
    killed = Terminal(MIRRORLAB, "up", *GREETS, "--out", OUT + "/killed", "--traffic", "--break", "any session sees SYN from copy")
    killed.expect("everything is stopped.*mirrorlab> ")
    os.kill(killed.pid, signal.SIGKILL)
    killed.end()
    deadline = time.monotonic() + 10
    while (left := [c for c in commands() if OUT + "/killed" in c]) and time.monotonic() < deadline:
        time.sleep(0.01)  # the kernel ends what is stopped, too
    check(not left, f"killed while everything was stopped, it leaves {left}")
    check(NAME not in visitor("labs").stdout, "killed, it is still listed")


def under_way():
    """A run that is under way is open to visitors, too."""
    name = f"slow-{os.getpid()}"
    file = scenario(name, ("matrix: {ip: [v4, v6]}\n", ""), ("requests: 2}", "requests: 20, think: 200ms}"))
    run = subprocess.Popen([MIRRORLAB, "run", file, "--out", OUT + "/slow"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in run.stderr:
        if line.startswith("  traffic"):
            break
    seen = into(name, "exec", "online", "ip", "-brief", "address")
    holds("under way", seen.stdout + seen.stderr, r"10\.200\.0\.1/32")
    text, _ = run.communicate(timeout=60)
    check(run.returncode == 0, "a run that had a visitor does not pass", text)


def keeping():
    kept = subprocess.run([MIRRORLAB, "run", SAMPLE + "/failing/asks-too-much.yaml", "--keep", "--out", OUT + "/kept"],
                          input="status\ncounters\nexec test ip -brief address\nstart copy\nstatus\nquit\n", capture_output=True, text=True, timeout=60)
    check(kept.returncode == 1, f"a kept run ended with {kept.returncode}, not 1", kept.stdout + kept.stderr)
    holds("keeping", kept.stdout, r"asks-too-much: failed: .*sessions\.extra == 1000", r"10\.200\.0\.2/32", r"copy: ended with 0",
          r"copy, as it last said:\n    .*sessions_captured 4",
          r"copy: pid \d+", r"asks-too-much: FAILED")
    passed = subprocess.run([MIRRORLAB, "run", *GREETS, "--keep", "--out", OUT + "/passed"], input="status\n",
                            capture_output=True, text=True, timeout=60)
    check(passed.returncode == 0 and "programs" not in passed.stdout, "a run that passed is kept", passed.stdout)


shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(OUT, exist_ok=True)
scenario(NAME)
for part in (looking, hurting, refusals, without_a_place, playing, breaking, breaking_a_run, visiting, under_way, ending, keeping):
    part()
if problems:
    sys.exit("\n".join(problems) + "\nagain: " + " ".join(sys.argv))
print("hands on: looking, hurting, refusals, playing, breakpoints, visitors, ends and --keep hold")
