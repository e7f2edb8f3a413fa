"""What was measured: medians, spread and ratios, as tables and plots."""
import json
import statistics

from plots import bars


class Results:
    def __init__(self):
        self.runs = {}      # (file system, case, step, program) -> [Measured]
        self.sizes = {}     # (file system, what, program) -> [bytes]

    def add(self, place, case, step, program, measured):
        self.runs.setdefault((place, case, step, program), []).append(measured)
        print(f"   {place:<6} {case}: {step:<22} {program:<10} {measured}", flush=True)

    def size(self, place, what, program, count):
        self.sizes.setdefault((place, what, program), []).append(count)

    def median(self, place, case, step, program, of="seconds"):
        runs = self.runs.get((place, case, step, program))
        return statistics.median(getattr(run, of) for run in runs) if runs else None

    def stored(self, place, what, program):
        sizes = self.sizes.get((place, what, program))
        return statistics.median(sizes) if sizes else None

    def ratio(self, place, case, step, other, of="seconds"):
        """How many times as much the other takes: the median of the ratios of the pairs."""
        own, others = (self.runs.get((place, case, step, name)) for name in ("snapstore", other))
        if not own or not others:
            return None
        return statistics.median(getattr(b, of) / max(getattr(a, of), 1e-9) for a, b in zip(own, others))

    def places(self):
        return list(dict.fromkeys(key[0] for key in self.runs))

    def peak(self, place, program):
        return max((run.peak for key, runs in self.runs.items() if key[0] == place and key[3] == program
                    for run in runs), default=None)

    def tables(self):
        lines = []
        for place in self.places():
            lines += [f"### {place}", "", "| case | step | program | runs | seconds (min … max) | CPU-seconds | peak MB |"
                      " beside snapstore |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
            for (where, case, step, program), runs in self.runs.items():
                if where != place:
                    continue
                seconds = sorted(run.seconds for run in runs)
                ratio = self.ratio(place, case, step, program) if program != "snapstore" else None
                lines.append(
                    f"| {case} | {step} | {program} | {len(runs)} | {statistics.median(seconds):.2f}"
                    f" ({seconds[0]:.2f} … {seconds[-1]:.2f}) | {self.median(place, case, step, program, 'processor'):.2f}"
                    f" | {self.median(place, case, step, program, 'peak') / 1e6:.0f} |"
                    f" {'' if ratio is None else f'{ratio:.2f} ×'} |")
            lines += ["", "| stored | program | MB | beside restic |", "| --- | --- | --- | --- |"]
            for (where, what, program), sizes in self.sizes.items():
                if where != place:
                    continue
                restic = self.stored(place, what, "restic")
                part = f"{statistics.median(sizes) / restic:.2f}" if restic else ""
                lines.append(f"| {what} | {program} | {statistics.median(sizes) / 1e6:,.1f} | {part} |")
            lines.append("")
        return "\n".join(lines)

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({
                "runs": [[*key, [[r.seconds, r.processor, r.peak] for r in runs]] for key, runs in self.runs.items()],
                "sizes": [[*key, sizes] for key, sizes in self.sizes.items()]}, file, indent=1)

    def plot(self, place, case, path):
        """Bars of medians, with the spread as a line."""
        steps = list(dict.fromkeys(key[2] for key in self.runs if key[:2] == (place, case)))
        programs = list(dict.fromkeys(key[3] for key in self.runs if key[:2] == (place, case)))
        groups = []
        for step in steps:
            seconds = [(program, sorted(run.seconds for run in self.runs.get((place, case, step, program), [])))
                       for program in programs]
            groups.append((step, [(program, statistics.median(runs), runs[0], runs[-1])
                                  for program, runs in seconds if runs]))
        bars(path, f"{case} on {place}: seconds, median and spread", groups, "s")
