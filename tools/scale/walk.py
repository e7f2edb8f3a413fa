"""Ten million entries that nobody stores: the walk and its memory, by the test that makes them up."""
import os
import re

from support import PROJECT, run

SCALE = 50
GROWTH_MAX = 0.1


def main(check):
    scale = max(1, round(SCALE * check.factor))
    environment = os.environ | {"SNAPSTORE_TEST_SCALE": str(scale)}
    run("swift", "build", "-c", "release", "--build-tests", cwd=PROJECT)
    output = run("swift", "test", "-c", "release", "--skip-build", "--filter", "CaptureMemoryTests", cwd=PROJECT,
                 env=environment)
    walked = re.search(r"capture of (\d+) entries: (\d+) KiB at a tenth, (\d+) KiB at the end", output)
    flat = re.search(r"capture of a directory of (\d+) entries: (\d+) KiB before, (\d+) KiB after", output)
    check.line("both tests ran", "yes" if walked and flat else output[-500:], walked and flat)
    entries, early, late = map(int, walked.groups())
    check.line(f"{entries:,} entries: memory at a tenth, at the end", f"{early:,} KiB, {late:,} KiB",
               scale < SCALE or late <= (1 + GROWTH_MAX) * early)
    entries, early, late = map(int, flat.groups())
    check.line(f"a directory of {entries:,}: memory before, after", f"{early:,} KiB, {late:,} KiB",
               late - early <= 64 << 10)
