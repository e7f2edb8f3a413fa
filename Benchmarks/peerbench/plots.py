"""Plots as SVG, by hand: bars of medians, and curves over the size of a store."""
COLOURS = ["#1f6feb", "#8b949e", "#bf8700", "#a371f7", "#2da44e", "#cf222e", "#0f766e", "#db2777", "#57606a"]


def write(path, title, width, height, parts):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
                   f'font-size="12"><rect width="100%" height="100%" fill="white"/><text x="10" y="20" '
                   f'font-size="15">{title}</text>{"".join(parts)}</svg>\n')


def bars(path, title, groups, unit):
    """Groups of (name, [(label, median, least, most)]): a bar for the median, a line for the spread."""
    longest = max((most for _, rows in groups for *_, most in rows), default=1) or 1
    labels = list(dict.fromkeys(label for _, rows in groups for label, *_ in rows))
    parts, y = [], 40
    for name, rows in groups:
        parts.append(f'<text x="10" y="{y + 10}" font-weight="bold">{name}</text>')
        y += 18
        for label, *values in rows:
            width, low, high = (540 * value / longest for value in values)
            colour = COLOURS[labels.index(label) % len(COLOURS)]
            parts.append(
                f'<text x="100" y="{y + 11}" text-anchor="end">{label}</text>'
                f'<rect x="110" y="{y}" width="{width:.1f}" height="14" fill="{colour}"/>'
                f'<line x1="{110 + low:.1f}" x2="{110 + high:.1f}" y1="{y + 7}" y2="{y + 7}" stroke="black"/>'
                f'<text x="{116 + max(width, high):.1f}" y="{y + 11}">{values[0]:.2f} {unit}</text>')
            y += 17
        y += 8
    write(path, title, 760, y + 10, parts)


def curves(path, title, sizes, lines):
    """Lines of (name, [value at each size]), sizes by factors of ten from left to right, each beside its first value:
    what grows rises, what does not stays on the line of 1."""
    left, top, width, height = 60, 40, 420, 260
    most = max((value / values[0] for _, values in lines for value in values), default=2)
    most = max(2.0, most)

    def point(number, value):
        return (left + width * number / max(1, len(sizes) - 1), top + height * (1 - value / most))

    parts = []
    for share in (value for value in (0, 1, 2, 3, 4, 6, 8, 10, 15, 20, 40, 60, 80, 100) if value <= most):
        _, y = point(0, share)
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>'
                     f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{share} ×</text>')
    for number, size in enumerate(sizes):
        x, _ = point(number, 0)
        parts.append(f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle">{size:,} objects</text>')
    ends = []
    for number, (name, values) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = [point(at, value / values[0]) for at, value in enumerate(values)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        ends.append([points[-1][1], name, values[-1], colour])
    # Labels at the ends of the lines, moved apart where they would cover each other.
    below = top - 14
    for end in sorted(ends):
        y = below = max(end[0] + 4, below + 14)
        parts.append(f'<text x="{left + width + 8}" y="{y:.1f}" fill="{end[3]}">{end[1]}: {end[2]:,.3g} ms</text>')
    write(path, title, 860, max(top + height + 34, below + 20), parts)
