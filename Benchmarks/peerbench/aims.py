"""What is aimed at, and which of it a run has missed."""

# Case, step, what is compared, with whom, and how many times as much the other must take at least.
RATIOS = [
    ("root", "first", "seconds", "restic", 2.5), ("root", "first", "processor", "restic", 2.0),
    ("root", "again", "seconds", "restic", 8.0), ("root", "again, reading all", "seconds", "restic", 3.0),
    ("root", "next version", "seconds", "restic", 3.0), ("root", "restore", "seconds", "cp -a", 1.0),
    ("root", "check", "seconds", "limit", 0.6),
    ("large file", "first", "seconds", "restic", 2.0), ("large file", "edited", "seconds", "restic", 2.0),
    ("small files", "first", "seconds", "restic", 2.0), ("memory image", "first", "seconds", "restic", 2.0),
]
# What is stored, beside what of whom, and how much of that it may be at most.
SIZES = [
    ("root", "root", "restic", 0.95), ("series", "series", "restic", 0.72), ("large file", "large file", "restic", 1.0),
    ("small files", "small files", "restic", 1.0), ("memory image", "memory image", "restic", 1.0),
    ("root: catalogue", "root", "snapstore", 0.10), ("series: catalogue", "series", "snapstore", 0.10),
]
# Restoring the last of a series takes at most so many times as long as restoring the first.
LAST_BY_FIRST = 1.2
PEAK_MAX = 200 * 10**6


def judge(results):
    """A sentence for each aim that the run has something to say about, and whether it is reached."""
    for place in results.places():
        for case, step, of, other, least in RATIOS:
            ratio = results.ratio(place, case, step, other, of)
            # The stat cache trusts no tmpfs, where inode numbers come back.
            if ratio is not None and (place != "tmpfs" or step != "again"):
                yield f"{place}: {case}, {step}: {other} takes {ratio:.2f} × the {of}; at least {least}", ratio >= least
        for what, base, whose, most in SIZES:
            own, other = results.stored(place, what, "snapstore"), results.stored(place, base, whose)
            if own is not None and other:
                yield (f"{place}: {what}: {own / other:.3f} of {whose}'s bytes of {base}; at most {most}",
                       own <= most * other)
        first, last = (results.median(place, "series", f"restore of the {which}", "snapstore")
                       for which in ("first", "last"))
        if first and last:
            yield (f"{place}: series: the last is restored in {last / first:.2f} × the time of the first; at most "
                   f"{LAST_BY_FIRST}", last <= LAST_BY_FIRST * first)
        peak = results.peak(place, "snapstore")
        if peak:
            yield f"{place}: peak of memory {peak / 1e6:.0f} MB; at most {PEAK_MAX / 1e6:.0f}", peak <= PEAK_MAX
