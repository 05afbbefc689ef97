"""From the runs to figures, medians, multiples of the floor, and a table to read."""

from statistics import median

# kind: (figure, heading, digits, whether its multiple of the floor is told)
COLUMNS = {
    "traffic": [
        ("cpu", "CPU s/M", 3, True), ("user", "user s/M", 3, True), ("system", "sys s/M", 3, True),
        ("rate", "M deliv/s", 3, True), ("p50_ms", "p50 ms", 2, False),
        ("p99_ms", "p99 ms", 2, True), ("p999_ms", "p99.9 ms", 2, False),
        ("lines_per_write", "lines/write", 2, False),
    ],
    # Too few deliveries to tell user-mode time apart.
    "open": [
        ("cpu", "CPU s/M", 3, True), ("rate", "M deliv/s", 3, False),
        ("p50_ms", "p50 ms", 2, True), ("p99_ms", "p99 ms", 2, True),
        ("p999_ms", "p99.9 ms", 2, True), ("lines_per_write", "lines/write", 2, False),
    ],
    "register": [
        ("cpu", "CPU us", 1, True), ("user", "user us", 1, True), ("system", "sys us", 1, True),
        ("rate", "regs/s", 0, False), ("p50_ms", "p50 ms", 2, False),
        ("p99_ms", "p99 ms", 2, False), ("p999_ms", "p99.9 ms", 2, False),
    ],
    "idle": [
        ("resident", "resident bytes", 0, True), ("anonymous", "of it anonymous", 0, True),
    ],
}
# kind: what a run counts, which is also the name of its raw figure
COUNTED = {"traffic": "deliveries", "open": "deliveries", "register": "registrations",
           "idle": "clients"}
FAULTS = ("lost", "doubled", "reordered", "corrupt")


def lines_per_write(raw):
    """/proc/PID/io counts write() and writev(), but not the send() family. Where that is what the
    server uses, the segments that arrived stand in: without Nagle's algorithm that is the same."""
    writes = raw["writes"] if raw["writes"] * 2 > raw["segments"] else raw["segments"]
    return raw["deliveries"] / max(writes, 1)


def cpu_figures(raw, per):
    return {"cpu": raw["cpu_s"] / per, "user": raw["user_s"] / per,
            "system": (raw["cpu_s"] - raw["user_s"]) / per}


def latencies(raw):
    return {name: raw[name] for name in ("p50_ms", "p99_ms", "p999_ms")}


def traffic_figures(raw):
    figures = cpu_figures(raw, raw["deliveries"] / 1e6) | latencies(raw)
    figures |= {"rate": raw["deliveries"] / 1e6 / raw["seconds"],
                "lines_per_write": lines_per_write(raw),
                "lines_per_segment": raw["deliveries"] / max(raw["segments"], 1),
                "tagged": raw["tagged"] / max(raw["all_deliveries"], 1)}
    return figures | {fault: raw[fault] for fault in FAULTS}


def register_figures(raw):
    figures = cpu_figures(raw, raw["registrations"] / 1e6) | latencies(raw)
    return figures | {"rate": raw["registrations"] / raw["seconds"]}


def idle_figures(raw):
    return {"resident": raw["resident"], "anonymous": raw["anonymous"]}


FIGURES = {"traffic": traffic_figures, "open": traffic_figures, "register": register_figures,
           "idle": idle_figures}


def run_figures(kind, raw):
    """One run. `load` and `other` are shares of one core: the generator, and what else ran."""
    figures = FIGURES[kind](raw)
    figures["load"] = raw["load_s"] / raw["seconds"]
    figures["other"] = max(
        0.0, (raw["machine_s"] + raw["stolen_s"] - raw["cpu_s"] - raw["load_s"]) / raw["seconds"])
    return figures


def combine(runs):
    """Medians; faults are added up, for a median would hide them."""
    together = {name: median(run[name] for run in runs) for name in runs[0]}
    return together | {fault: sum(run[fault] for run in runs)
                       for fault in FAULTS if fault in runs[0]}


def multiples(kind, figures, floor):
    return {name: figures[name] / floor[name]
            for name, _, _, told in COLUMNS[kind] if told and floor and floor.get(name)}


def size(kind, raws):
    """How much was measured: the least of any server, for each is given the same."""
    counts = [[raw[COUNTED[kind]] for raw in runs] for runs in raws.values()]
    return (f"{min(min(runs) for runs in counts):,.0f} {COUNTED[kind]} a run, "
            f"{min(sum(runs) for runs in counts):,.0f} a server")


def cell(value, digits):
    return f"{value:,.{digits}f}"


def headings(kind, faults):
    names = [""]
    for _, heading, _, told in COLUMNS[kind]:
        names += [heading, "x floor"] if told else [heading]
    return names + (["lost/doubled/reordered"] if faults else []) + ["other CPU"]


def cells(kind, name, part):
    row = [name]
    figures = part["medians"]
    for figure, _, digits, told in COLUMNS[kind]:
        row.append(cell(figures[figure], digits))
        if told:
            ratio = part["multiples"].get(figure)
            row.append("-" if ratio is None else f"{ratio:.2f}")
    if "lost" in figures:
        row.append("/".join(str(int(figures[fault])) for fault in FAULTS[:3]))
    return row + [f"{100 * figures['other']:.0f} %"]


def table(kind, servers):
    """Lines of text; `servers` maps a name to its medians and multiples."""
    rows = [headings(kind, any("lost" in part["medians"] for part in servers.values()))]
    rows += [cells(kind, name, part) for name, part in servers.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                      for i, (text, width) in enumerate(zip(row, widths))) for row in rows]


def notes(part, servers):
    """What a reader must know to trust the table, or not to."""
    found = []
    other = max(result["medians"]["other"] for result in servers.values())
    if other > 0.1:
        found.append(f"other programs took up to {100 * other:.0f} % of a core: "
                     "measure again when the machine is quiet")
    for name, result in servers.items():
        figures = result["medians"]
        if figures.get("corrupt"):
            found.append(f"{name}: {int(figures['corrupt'])} lines were not as they were sent")
        if part.caps and result["caps"] and figures["tagged"] < 1:
            found.append(f"{name}: only {100 * figures['tagged']:.1f} % of the lines had tags")
        if not result["user_sampled"]:
            found.append(f"{name}: user-mode time is by the kernel's tick, unsampled")
    return found
