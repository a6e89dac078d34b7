#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs one QEMU with a host in it and tells what became of it.

watch.py [options] -- QEMU ARGS...   (selftests/lab/run calls it)

The QEMU command line names chardevs that this program adds: console, ctl,
out, err and, for a shell, tty. guest/host speaks on ctl.
"""

import argparse
import ctypes
import fcntl
import os
import re
import shlex
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

EMULATOR = 118
NO_REPORT = 119
REPORT = 120
SETUP = 121
NO_BOOT = 122
DIED = 123
TIMEOUT = 124
LAB_ERROR = 125

# A report of the kernel's at the start of a console line, after printk's time
# and caller. Anchored there, so that a test's own words do not count.
REPORTS = re.compile(rb"""^(?:\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s+)?(?:
      WARNING:\ (?!\ ) | (?:watchdog:\ )?BUG:\ | kernel\ BUG\ at
    | (?:Oops|general\ protection\ fault|double\ fault|stack\ segment|traps:\ PANIC)\b
    | int3:\ \d | Kernel\ panic | Unable\ to\ handle
    | INFO:\ (?:task\ .*\ blocked\ for\ more|trying\ to\ register\ non-static|rcu_)
    | INFO:\ possible\ recursive\ locking
    | rcu:\ INFO: | rcu:.*\bself-detected\ stall | .*\bdetected\ stalls\ on\ CPUs
    | UBSAN: | ODEBUG: | DEBUG_LOCKS_WARN_ON
    | unreferenced\ object | kmemleak:\ [1-9]\d*\ new\ suspected
    | list_(?:add|del)\ corruption | slab\ .*\ (?:error|overflow)
    | .*\bhard\ LOCKUP | workqueue:\ .*\blockup
    | irq\ \d+:\ nobody\ cared
    )""", re.X)

# Linux patches its code by a breakpoint, and takes it away when no processor can be at it
# any more.  An emulated one that still has the breakpoint in its translated code stops
# where memory has another byte by then: its mistake.
STALE_CODE = re.compile(r"^(?:\[[^\]]*\]\s*)*(?:Oops: )?int3: ")

# An emulated processor that sleeps may miss the interrupt of its timer: nothing that waits for
# this timer goes on then. RCU tells of it in these words. A processor that is kept from its
# timer by the kernel or a module does not sleep meanwhile.
STALL = re.compile(rb"rcu: INFO: rcu_\w+ detected stalls on CPUs/tasks")
NO_WAKEUP = re.compile(rb"rcu: rcu_\w+ kthread timer wakeup didn't happen")
ITS_TIMER = re.compile(rb"rcu:\s+Possible timer handling issue on cpu=(\d+)")
SLEEPS = re.compile(rb"NMI backtrace for cpu (\d+) skipped: idling at")

# Of each processor in QEMU's words: whether it takes interrupts, and whether it is halted
PROCESSOR = re.compile(r"\bRFL=(?P<flags>[0-9a-f]+).*?\bHLT=(?P<halted>[01])")
INTERRUPTS_ENABLED = 1 << 9

# Bits of /proc/sys/kernel/tainted that only a report sets.
TAINTS = {5: "bad page", 7: "oops", 9: "warning", 14: "soft lockup"}


def say(text):
    sys.stdout.flush()
    sys.stderr.write("lab: %s\n" % text)
    sys.stderr.flush()


LIBC = ctypes.CDLL(None)


def die_with_parent():
    """Should this program be killed hard, what it started goes too."""
    LIBC.prctl(1, signal.SIGKILL)


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


class Gone(Exception):
    """The reader of our output has left."""


class Console:
    """Keeps the console's text, writes it to a file, finds reports in it."""

    def __init__(self, path, echo):
        self.file = open(path, "ab", buffering=0) if path else None
        self.echo = echo
        self.rest = b""
        self.lines = []
        self.first = None
        self.reports = []
        self.complaint = None

    def feed(self, data):
        if self.file:
            self.file.write(data)
        if self.echo:
            write_all(2, data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            line = line.rstrip(b"\r")
            if REPORTS.match(line):
                if self.first is None:
                    self.first = len(self.lines)
                self.reports.append(line.decode("utf-8", "replace"))
            # guest/init has no port to speak on yet.
            if line.startswith(b"lab: ") and not self.complaint:
                self.complaint = line[5:].decode("utf-8", "replace")
            self.lines.append(line)

    def only_missed_timers(self):
        """Whether each report is one of a processor that slept through its timer."""
        def found(pattern):
            return [m for m in map(pattern.search, self.lines) if m]

        stalls, timers = found(STALL), found(ITS_TIMER)
        sleeping = {m[1] for m in found(SLEEPS)}
        return (len(self.reports) == len(stalls) == len(timers) == len(found(NO_WAKEUP))
                and all(m[1] in sleeping for m in timers))

    def show(self, start, count):
        for line in self.lines[start:start + count]:
            sys.stderr.write("    %s\n" % line.decode("utf-8", "replace"))
        sys.stderr.flush()

    def show_report(self):
        # What stands before tells what was going on.
        self.show(max(0, self.first - 3), 80)

    def show_tail(self, count=40):
        self.show(max(0, len(self.lines) - count), count)


class Output:
    """One stream of the command's, passed on up to the end mark."""

    def __init__(self, fd, end):
        self.fd = fd
        self.end = end
        self.held = b""
        self.done = False

    def feed(self, data):
        if self.done:
            return
        self.held += data
        at = self.held.find(self.end)
        if at >= 0:
            out, self.held, self.done = self.held[:at], b"", True
        else:
            # Keep back what may be the beginning of the mark.
            keep = next((n for n in range(min(len(self.end) - 1, len(self.held)), 0, -1)
                         if self.held.endswith(self.end[:n])), 0)
            cut = len(self.held) - keep
            out, self.held = self.held[:cut], self.held[cut:]
        self.put(out)

    def put(self, data):
        try:
            write_all(self.fd, data)
        except BrokenPipeError as broken:
            raise Gone from broken

    def flush(self):
        self.put(self.held)
        self.held = b""


def all_asleep(registers):
    """Whether QEMU says of each processor that it is halted and takes interrupts."""
    processors = list(PROCESSOR.finditer(" ".join(registers.split())))
    return bool(processors) and all(
        p["halted"] == "1" and int(p["flags"], 16) & INTERRUPTS_ENABLED for p in processors)


class Host:
    """One boot."""

    def __init__(self, args):
        self.args = args
        self.console = Console(args.console, args.verbose)
        end = args.end.encode()
        self.out = Output(1, end)
        self.err = Output(2, end)
        self.lines = b""
        self.started = False
        self.failure = None
        self.status = None
        self.taint = 0
        self.said_bye = False
        self.ended_by = None
        self.alive_at = None
        self.looked_at = None
        self.asked_at = None
        self.answer = ""
        self.asleep = 0
        self.pick = selectors.DefaultSelector()
        self.ports = {}
        self.daemons = []

    def start(self):
        ports = {"console": self.console.feed, "ctl": self.feed_ctl, "monitor": self.feed_monitor,
                 "out": self.out.feed, "err": self.err.feed}
        if self.args.tty:
            ports["tty"] = lambda data: write_all(1, data)
        command = list(self.args.command)
        theirs = []
        for name, feed in ports.items():
            ours, other = socket.socketpair()
            theirs.append(other)
            self.ports[name] = ours
            self.pick.register(ours, selectors.EVENT_READ, (name, feed))
            command += ["-chardev", "socket,id=%s,fd=%d" % (name, other.fileno())]
        command += ["-mon", "chardev=monitor,mode=readline"]
        self.start_daemons()
        self.qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2,
                                     start_new_session=True, preexec_fn=die_with_parent,
                                     pass_fds=[s.fileno() for s in theirs])
        for sock in theirs:
            sock.close()

    def start_daemons(self):
        """Each makes a socket that QEMU connects to, and ends with QEMU."""
        for line in self.args.daemon:
            words = shlex.split(line)
            path = next(w for w in words if w.startswith("--socket-path=")).split("=", 1)[1]
            if os.path.exists(path):
                os.unlink(path)
            daemon = subprocess.Popen(words, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      start_new_session=True, preexec_fn=die_with_parent)
            self.daemons.append(daemon)
            while not os.path.exists(path) and daemon.poll() is None:
                time.sleep(0.01)

    def feed_ctl(self, data):
        *lines, self.lines = (self.lines + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "alive":
                self.alive_at = self.looked_at = time.monotonic()
                self.asleep = 0
            elif word == "start":
                self.started = True
                self.begun = time.monotonic()
                if self.args.tty:
                    self.send_size()
            elif word == "fail":
                self.failure = rest
            elif word == "exit":
                self.status, self.taint = (int(n) for n in rest.split())

    def feed_monitor(self, data):
        self.answer += data.decode("utf-8", "replace")

    def send(self, text, port="ctl"):
        try:
            self.ports[port].sendall(text.encode() + b"\n")
        except (OSError, KeyError):
            pass

    def look_after(self):
        """Finds a host whose processors all sleep, although its next sign of life is due.

        A timer is to wake one of them for that, which nothing but the emulator can lose: they
        are halted, and take interrupts. Three looks, as one may fall between two sleeps.
        """
        now = time.monotonic()
        if self.asked_at is None:
            if self.looked_at is not None and now - self.looked_at >= self.args.silence:
                self.answer = ""
                self.asked_at = now
                self.send("info registers -a", "monitor")
        elif now - self.asked_at >= 2:
            self.asked_at = None
            self.asleep = self.asleep + 1 if all_asleep(self.answer) else 0
            if not self.asleep:
                # Busy: again when it has been silent for as long once more
                self.looked_at = now
            elif self.asleep == 3:
                self.kill("asleep")

    def send_size(self):
        rows, cols, _, _ = struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))
        self.send("size %d %d" % (rows or 24, cols or 80))

    def kill(self, why):
        if self.ended_by is None:
            self.ended_by = why
        try:
            os.killpg(self.qemu.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def deadline(self):
        """When to give up, and what that means."""
        if self.said_bye:
            return self.bye_at + 30, "shutdown"
        if self.status is not None:
            # The end marks are behind what the command wrote.
            return self.quiet_since + 30, "drain"
        if self.started:
            return (self.begun + self.args.timeout if self.args.timeout else None), "timeout"
        return min(self.quiet_since + self.args.quiet, self.born + self.args.boot_timeout), "boot"

    def run(self):
        self.born = self.quiet_since = time.monotonic()
        self.start()
        if self.args.tty:
            self.pick.register(0, selectors.EVENT_READ, ("stdin", None))
        try:
            while self.qemu.poll() is None or self.ports:
                self.step()
        finally:
            self.kill("interrupt")
            self.qemu.wait()
            for daemon in self.daemons:
                daemon.kill()
                daemon.wait()
            for sock in self.ports.values():
                sock.close()
        self.console.feed(b"\n")
        if not self.started:
            self.failure = self.failure or self.console.complaint
        self.out.flush()
        self.err.flush()

    def step(self):
        self.look_after()
        until, why = self.deadline()
        wait = 1.0
        if until is not None and self.qemu.returncode is None:
            left = until - time.monotonic()
            if left <= 0:
                self.kill(why)
            wait = max(0.0, min(wait, left))
        for item, _ in self.pick.select(wait):
            name, feed = item.data
            data = self.read(item.fileobj)
            if name == "stdin":
                if data:
                    self.ports["tty"].sendall(data)
                else:
                    self.pick.unregister(0)
            elif data:
                self.quiet_since = time.monotonic()
                feed(data)
            else:
                self.pick.unregister(item.fileobj)
                del self.ports[name]
                item.fileobj.close()
        if (self.status is not None and not self.said_bye and
                (self.failure or self.args.tty or (self.out.done and self.err.done))):
            self.said_bye = True
            self.bye_at = time.monotonic()
            self.send("bye")

    @staticmethod
    def read(source):
        try:
            return os.read(source if isinstance(source, int) else source.fileno(), 65536)
        except ConnectionResetError:
            return b""


def expected(host, pattern):
    """The first report that a run was to provoke."""
    return next((line for line in host.console.reports if re.search(pattern, line)), None)


def emulator_mistake(console):
    """What an emulated processor did wrong, where the reports can come of nothing else."""
    if console.reports and STALE_CODE.match(console.reports[0].strip()):
        return "QEMU's emulation ran code that the kernel had patched already"
    if console.reports and console.only_missed_timers():
        return "an emulated processor slept, and did not get its timer's interrupt"
    return None


def verdict(host, args):
    """The status of a run that is over, and the words about it."""
    ended = host.status is not None and not host.failure
    told = "the command had ended with %d" % host.status if ended \
        else "the command had not ended"
    taints = [name for bit, name in TAINTS.items() if host.taint >> bit & 1]

    if args.expect_report is not None:
        report = expected(host, args.expect_report)
        if report:
            say("expected report: %s" % report.strip())
            # The report may have been the end of the host.
            return host.status if ended else 0
        if not host.console.reports and ended:
            say("a report was expected, the kernel made none (%s)" % told)
            return NO_REPORT
    if host.console.reports or taints:
        say("the kernel reported (%s):" % told)
        if host.console.reports:
            host.console.show_report()
        else:
            say("not on the console, but it is tainted: %s" % ", ".join(taints))
        mistake = emulator_mistake(host.console) \
            if any(word.startswith("tcg") for word in args.command) and not taints else None
        if mistake:
            say(mistake)
            return EMULATOR
        return REPORT
    if host.failure:
        host.console.show_tail()
        say("the host could not be set up: %s" % host.failure)
        return SETUP
    if host.status is None:
        host.console.show_tail()
        if host.ended_by == "timeout":
            say("timeout: the command did not end within %d s" % args.timeout)
            if host.alive_at is not None:
                say("the host's last sign of life came %d s before" %
                    (time.monotonic() - host.alive_at))
            return TIMEOUT
        if host.ended_by == "asleep":
            say("all emulated processors slept, and did not get the interrupt of a timer: "
                "no sign of life for %d s" % args.silence)
            return EMULATOR
        # SIGKILL is this program's own.
        if host.qemu.returncode < 0 and host.qemu.returncode != -signal.SIGKILL:
            say("QEMU itself ended, by signal %d" % -host.qemu.returncode)
            return EMULATOR
        say("the host ended without a status of the command (QEMU: %s)" % host.qemu.returncode)
        return DIED
    if host.ended_by == "drain":
        say("the end of the output did not arrive (%s)" % told)
        return DIED
    if host.ended_by == "shutdown":
        say("note: the host did not power off within 30 s after the command")
    return host.status


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--end", required=True)
    parser.add_argument("--remove", help="directory to remove at the end")
    parser.add_argument("--console")
    parser.add_argument("--timeout", type=int, default=0)
    parser.add_argument("--boot-timeout", type=int, default=300)
    parser.add_argument("--quiet", type=int, default=60)
    parser.add_argument("--silence", type=int, default=300)
    parser.add_argument("--retries", type=int, default=2)
    parser.add_argument("--log")
    parser.add_argument("--daemon", action="append", default=[])
    parser.add_argument("--expect-report", metavar="REGEX")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--tty", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()

    def interrupted(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, interrupted)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    modes = None
    try:
        if args.tty:
            modes = termios.tcgetattr(0)
            tty.setraw(0)
        return attempts(args)
    except Gone:
        return 128 + signal.SIGPIPE
    finally:
        if modes is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
        if args.remove:
            shutil.rmtree(args.remove, ignore_errors=True)


def attempts(args):
    for boot in range(1, args.retries + 2):
        host = Host(args)
        if args.tty:
            signal.signal(signal.SIGWINCH, lambda *_, host=host: host.send_size())
        born = time.monotonic()
        host.run()
        # Only a host that never came to the command, and did not say why,
        # may be tried again: nothing of the command's is hidden by that.
        hung = not host.started and host.console.first is None and not host.failure
        if args.log:
            with open(args.log, "a", encoding="utf-8") as log:
                log.write("%s boot=%d %s %.1fs\n" % (
                    time.strftime("%Y-%m-%dT%H:%M:%S"), boot,
                    "hung" if hung else "up",
                    (host.begun if host.started else time.monotonic()) - born))
        if not hung:
            if boot > 1:
                say("%d boots of the host, %d of them hung" % (boot, boot - 1))
            return verdict(host, args)
        host.console.show_tail()
        if host.qemu.returncode > 0:
            say("QEMU could not run the host (status %d)" % host.qemu.returncode)
            return LAB_ERROR
        say("boot %d of the host %s" % (boot, "hung" if host.ended_by == "boot" else
            "ended early (QEMU: %s)" % host.qemu.returncode))
    return NO_BOOT


if __name__ == "__main__":
    sys.exit(main())
