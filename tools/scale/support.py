"""What the parts of check_scale share: a place to work, measured commands, mounts, and the table of results."""
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROJECT = os.path.dirname(TOOLS)
PEAK_MAX = 200 * 10**6


def megabytes(count):
    return f"{count / 1e6:,.1f} MB"


def run(*arguments, **options):
    """Runs a command whose failure ends the part; returns what it printed."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise Failure(f"{' '.join(arguments)[:200]} failed with {done.returncode}:\n{done.stdout[-2000:]}"
                      f"{done.stderr[-2000:]}")
    return done.stdout


def built(product):
    """The path of a program of this package that is no product of its own, built if need be."""
    build = ["swift", "build", "--package-path", PROJECT, "-c", "release"]
    run(*build, "--product", product)
    return os.path.join(run(*build, "--show-bin-path").strip(), product)


def need(*packages):
    """Installs the Debian packages that are missing."""
    def is_missing(package):
        state = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True).stdout
        return state != "install ok installed"

    missing = [p for p in packages if is_missing(p)]
    if missing:
        print(f"installing {' '.join(missing)}", flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", env=environment)
        run("apt-get", "install", "-y", "--no-install-recommends", *missing, env=environment)


def tree_bytes(top):
    """Lengths of all files below a directory."""
    return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(top) for name in names)


class Failure(Exception):
    """Ends a part."""


def processor_seconds():
    """Of all commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Measured:
    """A command that has run: seconds, of them of processors, peak of resident memory in bytes, exit status, output."""

    def __init__(self, arguments, allowed=(0,), **options):
        with tempfile.NamedTemporaryFile("r") as report:
            before, start = processor_seconds(), time.perf_counter()
            # A process of its own between: a child's peak begins with that of the process it was forked from.
            done = subprocess.run(["/usr/bin/time", "-q", "-o", report.name, "-f", "%M", *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
            self.seconds, self.processor = time.perf_counter() - start, processor_seconds() - before
            self.peak = int(report.read().split()[-1]) << 10
        self.status, self.output = done.returncode, done.stdout
        if self.status not in allowed:
            raise Failure(f"{' '.join(arguments)[:200]} failed with {self.status}:\n{done.stdout[-2000:]}"
                          f"{done.stderr[-2000:]}")

    def __str__(self):
        return f"{self.seconds:.2f} s ({self.processor:.2f} of processors), peak {megabytes(self.peak)}"


class Store:
    """A store, used through the command line only."""

    def __init__(self, workspace, path):
        self.workspace, self.path = workspace, path

    def __call__(self, command, *arguments, allowed=(0,), **options):
        done = Measured([self.workspace.snapstore, command, *arguments, "--store", self.path, "--json"],
                        allowed=allowed, **options)
        done.lines = [json.loads(line) for line in done.output.splitlines()]
        done.summary = next((line for line in done.lines if line["type"] == "summary"), {})
        done.items = [line for line in done.lines if line["type"] == "item"]
        return done

    def packs(self):
        return tree_bytes(os.path.join(self.path, "packs"))

    def copy(self, name):
        target = self.workspace.path(name)
        run("cp", "-a", "--reflink=auto", self.path, target)
        return Store(self.workspace, target)

    def remove(self):
        shutil.rmtree(self.path)


class Workspace:
    """A directory that is removed at the end, and the results."""

    def __init__(self, options):
        self.options, self.factor = options, options.factor
        self.results, self.current, self.base = [], "", None
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        need("time")
        os.makedirs(self.options.work, exist_ok=True)
        self.top = tempfile.mkdtemp(prefix="snapstore-scale.", dir=self.options.work)
        self.stack.callback(shutil.rmtree, self.top, ignore_errors=True)
        self.snapstore = self.options.snapstore and os.path.abspath(self.options.snapstore)
        return self

    def __exit__(self, *error):
        self.stack.close()

    def path(self, name):
        return os.path.join(self.top, name)

    def store(self, name):
        return Store(self, self.path(name))

    def part(self, name, body):
        if not self.snapstore and name != "walk":
            self.snapstore = run(os.path.join(TOOLS, "build")).split()[-1]
        self.current, started = name, time.monotonic()
        print(f"── {name}", flush=True)
        try:
            body(self)
        except (Failure, OSError) as error:
            self.line("the part runs to its end", str(error), ok=False)
        print(f"   {time.monotonic() - started:.0f} s", flush=True)
        self.current = ""

    # MARK: Results

    def line(self, what, figure, ok=None):
        """One thing checked; `ok` is None for a figure that has no limit."""
        word = {None: "", True: "ok", False: "FAILED"}[None if ok is None else bool(ok)]
        self.results.append((self.current, what, str(figure), word))
        print(f"   {what:<58} {figure}  {word}", flush=True)

    def peak(self, what, measured):
        self.line(f"{what}: peak of memory at most {megabytes(PEAK_MAX)}", measured, measured.peak <= PEAK_MAX)

    def finish(self):
        failed = [r for r in self.results if r[3] == "FAILED"]
        print(f"{len(self.results)} lines, {len(failed)} failed")
        for part, what, figure, _ in failed:
            print(f"FAILED {part}: {what}: {figure}")
        return 1 if failed else 0

    # MARK: Trees

    @contextlib.contextmanager
    def filesystem(self, kind, gigabytes):
        """An empty file system of this kind, mounted; gone afterwards."""
        point = tempfile.mkdtemp(prefix=kind + ".", dir=self.top)
        image = point + ".image"
        try:
            if kind == "tmpfs":
                run("mount", "-t", "tmpfs", "-o", f"size={gigabytes}g,mode=0700", "none", point)
            else:
                need("xfsprogs" if kind == "xfs" else "e2fsprogs")
                with open(image, "wb") as file:
                    file.truncate(gigabytes << 30)
                run(f"mkfs.{kind}", "-q", image)
                run("mount", "-o", "loop", image, point)
            yield point
        finally:
            subprocess.run(["umount", point], check=False)
            if not os.path.ismount(point):
                os.rmdir(point)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(image)

    def debian(self):
        """A Debian root with capabilities, ACLs and hard links, made once; parts copy it before they change it."""
        if self.base is None:
            need("debootstrap", "acl", "attr", "rsync", "libcap2-bin")
            made = self.path("debian")
            if self.options.root:
                run("cp", "-a", "--sparse=always", self.options.root, made)
            else:
                print("   debootstrap", flush=True)
                run("debootstrap", "--variant=minbase", "--include=git,python3,iputils-ping,libcap2-bin,acl", "stable",
                    made, "http://deb.debian.org/debian")
            furnish(made)
            self.base = made
        return self.base

    def copy(self, source, name):
        target = self.path(name)
        run("cp", "-a", "--sparse=always", source, target)
        return target

    def differences(self, first, second, *options):
        """What compare_trees says in its last line, and whether it found nothing."""
        done = subprocess.run([sys.executable, os.path.join(TOOLS, "compare_trees.py"), *options, first, second],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = done.stdout.splitlines() or [done.stderr.strip()]
        if done.returncode:
            print("\n".join(lines[:20]), flush=True)
        return lines[-1], done.returncode == 0


def furnish(root):
    """What a minimal Debian has little of."""
    srv = os.path.join(root, "srv/furnished")
    os.makedirs(srv)
    for name in ("etc/passwd", "etc/group", "usr/bin/git"):
        run("setfacl", "-m", "u:33:r,g:1000:rw,m::rw", os.path.join(root, name))
    run("setfacl", "-m", "u:1000:rwx", "-m", "d:u:1000:rwx,d:g:33:rx", srv)
    run("cp", os.path.join(root, "usr/bin/git"), os.path.join(srv, "git"))
    run("setcap", "cap_net_raw+ep", os.path.join(root, "usr/bin/ping"))
    run("setcap", "cap_net_bind_service,cap_sys_nice+eip", os.path.join(srv, "git"))
    for index in range(20):
        os.link(os.path.join(root, "usr/bin/git"), os.path.join(root, f"srv/furnished/link-{index}"))
        os.link(os.path.join(root, "etc/group"), os.path.join(root, f"etc/group-{index}"))
    os.setxattr(os.path.join(srv, "git"), "user.large", os.urandom(3000))
    os.setxattr(srv, "trusted.small", b"small")
    with open(os.path.join(srv, "sparse"), "wb") as file:
        for offset in (0, 3 << 20, (5 << 20) + 4096, 40 << 20):
            file.seek(offset)
            file.write(os.urandom(100_000))
        file.truncate(1 << 30)
    with open(os.path.join(srv, "zeros"), "wb") as file:
        file.write(bytes(5_000_000))
    os.mkfifo(os.path.join(srv, "fifo"))
    os.mknod(os.path.join(srv, "device"), 0o600 | 0o020000, os.makedev(1, 3))
