#!/usr/bin/env python3
"""For accuracy.sh.

accuracy.py detect CORPUS BINARY FORMATS   reads each sample of logs/ and of those FORMATS, and tells whose its events are said to be
accuracy.py summary DIR                    sums up what the scorers said, a file a part; exit status 1 below a floor
"""
import collections, concurrent.futures, json, os, re, subprocess, sys

# The part, what is measured, its floor in per cent.
FLOORS = {
    "logs": {"attempts": 99.5, "precision": 99.5, "fields": 99},
    "dsn": {"parsed": 99, "each field": 98, "row": 95},
    "formats": {"fields": 99},
    "detection": {"samples": 99.5},
}


def pct(right, total):
    return 100.0 * right / total if total else 100.0


def samples(corpus, formats):
    """Each sample with events, and the systems that they are of."""
    for part in ("logs", "formats"):
        base = os.path.join(corpus, part)
        for name in sorted(os.listdir(base)) if os.path.isdir(base) else []:
            truth = os.path.join(base, name, "expected.jsonl")
            if not os.path.isfile(truth) or part == "formats" and name not in formats:
                continue
            systems = collections.OrderedDict()
            with open(truth, encoding="utf-8") as lines:
                for line in lines:
                    if line.strip():
                        event = json.loads(line)
                        if event.get("events") != 0 and not event.get("optional"):
                            known = event.get("source", name.split("-")[0])
                            systems.setdefault(event["file"], set()).update(known if isinstance(known, list) else [known])
            for file, known in systems.items():
                yield os.path.join(base, name, file), known


def detect(corpus, binary, formats):
    def read(sample):
        path, known = sample
        run = subprocess.run([binary, "parse", "--host", "mail.example.net", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return path, known, {json.loads(line)["source"] for line in run.stdout.splitlines()}

    right = total = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path, known, said in pool.map(read, samples(corpus, formats.split())):
            total += 1
            if said and said <= known:
                right += 1
            else:
                print("%s: of %s, said to be of %s" % (os.path.relpath(path, corpus), " or ".join(sorted(known)), ", ".join(sorted(said)) or "none"))
    print("samples  %6.2f %%  %d/%d" % (pct(right, total), right, total))


def figures(part, text):
    """What a scorer said, by the names of FLOORS; and a word on what is worst."""
    rows = {m[1]: (float(m[2]), m[3]) for m in re.finditer(r"^ *(\S+) +([\d.]+) ?% +(.*)$", text, re.M)}
    if part.startswith("logs"):
        fields = {k: [int(n) for n in v[1].split("/")] for k, v in rows.items() if re.fullmatch(r"\d+/\d+", v[1]) and k != "attempts"}
        if not fields:
            return {}, ""
        worst = min(fields, key=lambda k: pct(*fields[k]))
        return ({"attempts": rows["attempts"][0], "precision": rows["precision"][0],
                 "fields": pct(sum(n for n, _ in fields.values()), sum(n for _, n in fields.values()))},
                "worst: %s %.2f" % (worst, pct(*fields[worst])))
    if part == "dsn":
        fields = {k: v[0] for k, v in rows.items() if k not in ("parsed", "row", "no_extra", "silent")}
        if not fields:
            return {}, ""
        worst = min(fields, key=fields.get)
        return {"parsed": rows["parsed"][0], "each field": fields[worst], "row": rows["row"][0]}, "worst: %s %.1f" % (worst, fields[worst])
    if part.startswith("formats"):
        m = re.search(r"^total .*?(\d+) expected, (\d+) found, (\d+) missing, (\d+) extra; fields \S+ = ([\d.]+)%; errors (\d+)", text, re.M)
        if m and m[6] != "0":
            return {}, m[6] + " samples on which parse failed"
        return ({"fields": float(m[5])}, "events: %s of %s, %s too many" % (m[2], m[1], m[4])) if m else ({}, "")
    if part == "detection":
        return {"samples": rows["samples"][0]} if "samples" in rows else {}, ""
    m = re.search(r"accuracy ([\d.]+) %", text)
    return ({"class": float(m[1])} if m else {}), ""


def summary(directory):
    low = False
    for part in sorted(os.listdir(directory)):
        if part == "got":
            continue
        with open(os.path.join(directory, part), encoding="utf-8") as f:
            text = f.read()
        got, word = figures(part, text)
        floors = FLOORS.get(part if part in FLOORS else part.split()[0] if part.startswith("logs") else "", {})
        said = []
        for name, value in got.items():
            below = name in floors and value < floors[name]
            low = low or below
            said.append("%s %6.2f %%%s" % (name, value, " BELOW %g" % floors[name] if below else ""))
        if not got or "ended with status" in text:
            low = True
            said.append("NOT SCORED")
        print("%-22s %s%s" % (part, ", ".join(said), "  (%s)" % word if word else ""))
    return 1 if low else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["detect"] and len(sys.argv) == 5:
        detect(*sys.argv[2:])
    elif sys.argv[1:2] == ["summary"] and len(sys.argv) == 3:
        sys.exit(summary(sys.argv[2]))
    else:
        sys.exit(__doc__)
