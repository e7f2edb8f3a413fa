"""The programs that are compared, each with the same few verbs."""
import mmap
import os
import shutil

from support import Measured, run, tree_bytes


def warm_memory(count=3 << 30):
    """Takes memory and gives it back, so that the kernel has it at hand. Without it a program that starts when others have
    just removed gigabytes pays for pages that the host of a virtual machine took back meanwhile; the one before it did not.
    """
    mmap.mmap(-1, count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


class Program:
    """A repository of one program on one file system. Each verb is one command, measured, and returned."""

    name = ""
    packages = ()

    def __init__(self, bench, place):
        self.bench, self.place = bench, place
        self.repository = os.path.join(place, f"{self.name}-repository")
        self.environment = dict(os.environ)
        self.begin()

    def begin(self):
        """Makes the repository; not measured."""

    def measure(self, *arguments, **options):
        # What was written before is not to be written out on this one's time.
        os.sync()
        warm_memory()
        return Measured([str(a) for a in arguments], env=self.environment, **options)

    def stored(self):
        return tree_bytes(self.repository)

    def remove(self):
        shutil.rmtree(self.repository, ignore_errors=True)


class Snapstore(Program):
    name = "snapstore"

    def save(self, tree, tag, rehash=False):
        return self.measure(self.bench.snapstore, "create", tree, f"root:{tag}", "--store", self.repository, "--quiet",
                            *(["--rehash"] if rehash else []), allowed=(0, 3))

    def restore(self, tag, target):
        return self.measure(self.bench.snapstore, "restore", f"root:{tag}", target, "--store", self.repository,
                            "--quiet", allowed=(0, 3))

    def forget(self, tags):
        return self.measure("sh", "-c", '"$0" delete --yes --quiet --store "$1" $2 && '
                            '"$0" gc --grace 0 --quiet --store "$1"', self.bench.snapstore, self.repository,
                            " ".join(f"root:{tag}" for tag in tags))

    def limit_of_check(self):
        """Decompresses and hashes what the packs hold, on two threads, and does nothing else."""
        done = self.measure(self.bench.data_path, "--packs", self.repository)
        done.seconds = float(done.output.split()[-1])
        return done

    def check(self):
        return self.measure(self.bench.snapstore, "fsck", "--read-data", "--store", self.repository, "--quiet")

    def stored(self):
        return tree_bytes(os.path.join(self.repository, "packs"))

    def catalogue(self):
        return sum(os.path.getsize(os.path.join(self.repository, name)) for name in os.listdir(self.repository)
                   if name.startswith("catalog.sqlite") and not name.endswith("-shm"))


class Restic(Program):
    name, packages = "restic", ("restic",)

    def begin(self):
        self.cache = os.path.join(self.place, "restic-cache")
        self.environment |= {"RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": self.repository,
                             "RESTIC_CACHE_DIR": self.cache}
        self.measure("restic", "-q", "init")

    def save(self, tree, tag, rehash=False):
        # One host and path for all: what restic takes as the parent of the next version.
        return self.measure("restic", "-q", "backup", "--tag", tag, *(["--force"] if rehash else []), ".", cwd=tree)

    def restore(self, tag, target):
        return self.measure("restic", "-q", "restore", "latest", "--tag", tag, "--target", target)

    def forget(self, tags):
        tagged = " ".join(f"--tag {tag}" for tag in tags)
        return self.measure("sh", "-c", "ids=$(restic -q snapshots --json " + tagged + " | python3 -c "
                            "'import json,sys; print(*[s[\"id\"] for s in json.load(sys.stdin)])'); "
                            "restic -q forget --prune --max-unused 2% $ids")

    def check(self):
        return self.measure("restic", "-q", "check", "--read-data")

    def remove(self):
        super().remove()
        shutil.rmtree(self.cache, ignore_errors=True)


class Borg(Program):
    name, packages = "borg", ("borgbackup",)

    def begin(self):
        self.home = os.path.join(self.place, "borg-home")
        self.environment |= {"BORG_BASE_DIR": self.home, "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
        self.measure("borg", "init", "-e", "none", self.repository)

    def save(self, tree, tag, rehash=False):
        return self.measure("borg", "create", "-C", "zstd,3", *(["--files-cache", "disabled"] if rehash else []),
                            f"{self.repository}::{tag}-{os.urandom(3).hex()}", ".", cwd=tree)

    def restore(self, tag, target):
        os.makedirs(target)
        names = run("borg", "list", "--short", "-P", f"{tag}-", self.repository, env=self.environment).split()
        return self.measure("borg", "extract", "--numeric-ids", f"{self.repository}::{names[-1]}", cwd=target)

    def forget(self, tags):
        names = [name for tag in tags for name in
                 run("borg", "list", "--short", "-P", f"{tag}-", self.repository, env=self.environment).split()]
        return self.measure("sh", "-c", 'r=$0; borg delete "$r" "$@" && borg compact "$r"', self.repository, *names)

    def check(self):
        return self.measure("borg", "check", "--verify-data", self.repository)

    def remove(self):
        super().remove()
        shutil.rmtree(self.home, ignore_errors=True)


class Casync(Program):
    name, packages = "casync", ("casync",)

    def begin(self):
        os.makedirs(self.repository)

    def index(self, tag):
        return os.path.join(self.repository, f"{tag}.caidx")

    def save(self, tree, tag, rehash=False):
        return self.measure("casync", "make", "--compression=zstd", f"--store={self.repository}/store.castr",
                            self.index(tag), tree)

    def restore(self, tag, target):
        return self.measure("casync", "extract", "--seed-output=no", f"--store={self.repository}/store.castr",
                            self.index(tag), target)


class Ostree(Program):
    name, packages = "ostree", ("ostree",)

    def begin(self):
        self.measure("ostree", f"--repo={self.repository}", "init", "--mode=archive")

    def save(self, tree, tag, rehash=False):
        # It refuses devices and sockets.
        return self.measure("ostree", f"--repo={self.repository}", "commit", "-b", tag, "--fsync=0",
                            f"--tree=dir={self.bench.without_devices(tree)}")

    def restore(self, tag, target):
        return self.measure("ostree", f"--repo={self.repository}", "checkout", "-U", tag, target)


class Copy(Program):
    """cp -a: what a restore is measured by. It writes all bytes: where it may share them, it writes none."""

    name = "cp -a"

    def restore_of(self, tree, target):
        return self.measure("cp", "-a", "--reflink=never", tree, target)


PROGRAMS = {program.name: program for program in (Snapstore, Restic, Borg, Casync, Ostree, Copy)}
