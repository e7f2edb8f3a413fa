"""What was measured: medians, spread and ratios, as tables and plots."""
import json
import statistics


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

    def tables(self):
        lines = []
        for place in dict.fromkeys(key[0] for key in self.runs):
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
        """Bars of medians, with the spread as a line: an SVG."""
        steps = list(dict.fromkeys(key[2] for key in self.runs if key[:2] == (place, case)))
        programs = list(dict.fromkeys(key[3] for key in self.runs if key[:2] == (place, case)))
        longest = max((self.median(place, case, s, p) or 0 for s in steps for p in programs), default=1) or 1
        colours = ["#1f6feb", "#8b949e", "#bf8700", "#a371f7", "#2da44e", "#cf222e"]
        rows, y = [], 40
        for step in steps:
            rows.append(f'<text x="10" y="{y + 10}" font-weight="bold">{step}</text>')
            y += 18
            for number, program in enumerate(programs):
                median = self.median(place, case, step, program)
                if median is None:
                    continue
                runs = sorted(r.seconds for r in self.runs[place, case, step, program])
                width, low, high = (540 * value / longest for value in (median, runs[0], runs[-1]))
                rows.append(
                    f'<text x="100" y="{y + 11}" text-anchor="end">{program}</text>'
                    f'<rect x="110" y="{y}" width="{width:.1f}" height="14" fill="{colours[number % 6]}"/>'
                    f'<line x1="{110 + low:.1f}" x2="{110 + high:.1f}" y1="{y + 7}" y2="{y + 7}" stroke="black"/>'
                    f'<text x="{116 + max(width, high):.1f}" y="{y + 11}">{median:.2f} s</text>')
                y += 17
            y += 8
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{y + 10}" font-family="sans-serif" '
                       f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="10" y="20" '
                       f'font-size="15">{case} on {place}: seconds, median and spread</text>{"".join(rows)}</svg>\n')
