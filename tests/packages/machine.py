# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A guest that has a disk of its own, and a test that types into it.

It boots Debian with systemd from a copy-on-write image over the disk of
tests/packages/prepare. The shell is on a virtio port; the directory of packages
is mounted at /repo.
"""

import os
import re
import select
import socket
import subprocess
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# Under emulation a boot takes a minute or two, and DKMS compiles a module for
# eight; on a machine with much else to do twice that.
BOOT_LIMIT = 600
COMMAND_LIMIT = 240
BUILD_LIMIT = 7200
# The end of what a command said: its number, and its status.
END = rb"\x01END %d (\d+)\r?\n"


class MachineError(AssertionError):
    """The guest did not do what it was told."""


def prepare():
    """The directories of the disk, of a kernel, of some of its modules; the
    accelerator."""
    done = subprocess.run([f"{REPO}/tests/packages/prepare"], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.split()


def wait_for(condition, limit, what):
    """Until condition() is true, which is its value."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise MachineError(f"not in {limit} s: {what}")
        time.sleep(0.2)
    return value


class Machine:
    """The guest. Its logs are in directory."""

    def __init__(self, disk, accel, directory):
        self.disk, self.accel, self.directory = disk, accel, directory
        self.image = f"{directory}/disk.qcow2"
        self.console = f"{directory}/console.log"
        self.qemu = self.port = None
        self.boots = self.typed = 0
        os.makedirs(directory, exist_ok=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
                        "-b", f"{disk}/disk.img", self.image], check=True)

    def release(self, kernel):
        """The release of kernel 6.1 or 6.12 on the disk."""
        with open(f"{self.disk}/{kernel}", encoding="ascii") as file:
            return file.read().strip()

    def _arguments(self, release, append):
        accel = ["-accel", "kvm", "-cpu", "host"] if self.accel == "kvm" else \
            ["-accel", "tcg,thread=multi", "-cpu", "max"]
        line = ("root=/dev/vda rw console=ttyS0 loglevel=7 mitigations=off "
                "tsc=reliable no_timer_check panic=-1 oops=panic "
                "net.ifnames=1 systemd.show_status=0 "
                "rcupdate.rcu_cpu_stall_timeout=120 "
                f"workqueue.watchdog_thresh=120 {append}")
        return ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64",
                "-M", "q35", "-m", "2048", "-smp", "2", *accel,
                "-display", "none", "-monitor", "none", "-no-reboot",
                "-nodefaults", "-kernel", f"{self.disk}/vmlinuz-{release}",
                "-initrd", f"{self.disk}/initrd.img-{release}",
                "-append", line,
                "-serial", f"file:{self.console}.{self.boots}",
                "-drive", f"file={self.image},if=virtio,format=qcow2,"
                "cache=unsafe",
                "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=shell,path={self.directory}/shell,"
                "server=on,wait=off",
                "-device", "virtserialport,chardev=shell,name=lab.shell",
                "-fsdev", f"local,id=repo,path={REPO},security_model=none,"
                "readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=repo,mount_tag=repo"]

    def boot(self, kernel, append=""):
        """Start with kernel 6.1 or 6.12; returns when it has come up."""
        self.boots += 1
        with open(f"{self.directory}/qemu.log", "ab") as log:
            self.qemu = subprocess.Popen(
                self._arguments(self.release(kernel), append),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        path = f"{self.directory}/shell"
        wait_for(lambda: self._alive() and os.path.exists(path), 30,
                 "QEMU starts")
        self.port = socket.socket(socket.AF_UNIX)
        self.port.connect(path)
        self._wake()
        self.run("mkdir -p /repo && mount -t 9p -o "
                 "trans=virtio,version=9p2000.L,msize=262144,ro repo /repo")

    def _alive(self):
        if self.qemu.poll() is not None:
            raise MachineError(f"the guest has gone; see {self.directory}")
        return True

    def _wake(self):
        """The shell comes up some time, and then it answers. What was typed
        before is answered late, by another number."""
        deadline = time.monotonic() + BOOT_LIMIT
        while True:
            try:
                self._type("true", 10)
                return
            except MachineError:
                self._alive()
                if time.monotonic() > deadline:
                    raise

    def _type(self, command, limit):
        """What a command said, in octets, and its status."""
        self.typed += 1
        self.port.sendall(f"( {command}\n) </dev/null 2>&1; printf "
                          f"'\\001END {self.typed} %d\\n' $?\n".encode())
        end, data = re.compile(END % self.typed), b""
        deadline = time.monotonic() + limit
        while not (match := end.search(data)):
            left = deadline - time.monotonic()
            if left <= 0:
                raise MachineError(f"no answer in {limit} s; so far: "
                                   f"{data[-2000:].decode(errors='replace')}")
            if select.select([self.port], [], [], min(left, 1))[0]:
                data += self.port.recv(65536)
            else:
                self._alive()
        # Nothing of what was answered late belongs to this.
        late = [m.end() for m in re.finditer(rb"\x01END \d+ \d+\r?\n",
                                             data[:match.start()])]
        return data[max(late, default=0):match.start()], int(match.group(1))

    def status(self, command, limit=COMMAND_LIMIT):
        """Run a command of the shell: what it printed, and its status."""
        out, status = self._type(command, limit)
        text = out.decode(errors="replace").replace("\r", "")
        with open(f"{self.directory}/commands.log", "a",
                  encoding="utf-8") as log:
            log.write(f"# {command}\n{text}= {status}\n")
        return text, status

    def run(self, command, limit=COMMAND_LIMIT):
        """The same, and it must succeed: what it printed."""
        text, status = self.status(command, limit)
        if status:
            raise MachineError(f"'{command}': status {status}\n{text[-3000:]}")
        return text.strip()

    def type(self, block, limit=COMMAND_LIMIT, where="/root"):
        """Run the lines of a page one by one; all that they printed."""
        return "\n".join(self.run(f"cd {where} && {line}", limit)
                         for line in block.strip().splitlines())

    def eventually(self, command, limit=COMMAND_LIMIT):
        """Until it succeeds."""
        return wait_for(
            lambda: (out := self.status(command))[1] == 0 and (out[0] or " "),
            limit, command).strip()

    def halt(self):
        """Shut down, as an administrator does."""
        self.port.sendall(b"systemctl reboot\n")
        try:
            self.qemu.wait(BOOT_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise MachineError("it does not shut down") from error
        self.port.close()

    def reboot(self, kernel, append=""):
        """Shut down and boot."""
        self.halt()
        self.boot(kernel, append)

    def kill(self):
        """Away with it."""
        if self.qemu and self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        if self.port:
            self.port.close()

    def kernel_reports(self):
        """What the kernel complained about in all boots."""
        logs = [f"{self.console}.{n}" for n in range(1, self.boots + 1)]
        done = subprocess.run(
            ["bash", "-c", '. "$0"; kernel_reports "$@"',
             f"{REPO}/lab/lib/reports.sh", *logs], stdout=subprocess.PIPE,
            text=True, check=False)
        return done.stdout
