#!/usr/bin/python3
"""The list of all that a module is compiled against (tests/abi/list): made, compared, replaced.

    abi.py show SRC BUILD [CC]     prints what the headers and the built modules give now
    abi.py check SRC BUILD [CC]    compares that with the list; says what to do where they differ
    abi.py write SRC BUILD [CC]    replaces the list, if the number in godwit/abi.h was raised enough

Layouts come from the compiler's own debug information about the public headers, macros from its
preprocessor, prototypes of the inline functions from the headers' text, and what modules offer
(interfaces, topics, points) from their descriptors, which tests/tools/describe prints.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

FLAGS = ["-std=gnu11", "-D_GNU_SOURCE="]
DEBUG = ["-g", "-gdwarf-4", "-O0", "-fno-eliminate-unused-debug-types"]
ABOUT = """\
# All that a module is compiled against, on amd64. The first line that counts is the number of
# godwit/abi.h that it holds for. Made by `tests/rules/abi --write`, never by hand.
"""

# Only the server makes these, and the modules that come with it; others only read them. All else may
# lie in a module's own memory, so it cannot grow without a new major number.
SERVERS_OWN = re.compile(
    r"struct gw_(\w+_(api|ops)|core|self|iface|row|client|session|user|channel|member|node)$"
)

# What compilers call the same thing by different names.
BASE = {
    "long unsigned int": "unsigned long",
    "long int": "long",
    "short unsigned int": "unsigned short",
    "short int": "short",
    "long long unsigned int": "unsigned long long",
    "long long int": "long long",
    "_Bool": "bool",
}


def output_of(*command, text=None):
    done = subprocess.run([str(c) for c in command], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stderr}")
    return done.stdout


def headers_of(src):
    found = sorted((src / "include" / "godwit").glob("*.h"))
    return [path for path in found if path.name != "testkit.h"]  # of tests: no module is built with it


def all_headers(src):
    return "".join(f"#include <godwit/{h.name}>\n" for h in headers_of(src))


# --- debug information ---


class Die:
    """One entry of the debug information, with those below it."""

    def __init__(self, tag):
        self.tag = tag
        self.at = {}
        self.below = []

    def name(self):
        return self.at.get("name")


def plain(value):
    """The value behind what readelf says about its form."""
    return re.sub(r"^\((indirect|alt indirect|indexed|indirect line)[^)]*\): ", "", value).strip()


def read_dies(text):
    """All entries by their offset, and those of the top level in order."""
    dies, stack = {}, []
    top = []
    for line in text.splitlines():
        begin = re.match(r" <([0-9a-f]+)><([0-9a-f]+)>: Abbrev Number: \d+ \(DW_TAG_(\w+)\)", line)
        if begin:
            depth, die = int(begin[1], 16), Die(begin[3])
            dies[int(begin[2], 16)] = die
            del stack[depth:]
            if depth == 1:
                top.append(die)
            elif stack:
                stack[-1].below.append(die)
            stack.append(die)
            continue
        attribute = re.match(r" +<[0-9a-f]+> +DW_AT_(\w+) *: (.*)", line)
        if attribute and stack:
            stack[-1].at[attribute[1]] = plain(attribute[2])
    return dies, top


class Types:
    """The types of the headers, as C would write them."""

    def __init__(self, text):
        self.dies, self.top = read_dies(text)

    def of(self, die):
        reference = re.match(r"<0x([0-9a-f]+)>", die.at.get("type", ""))
        return self.dies[int(reference[1], 16)] if reference else None

    def function(self, die, inner):
        arguments = []
        for part in die.below:
            if part.tag == "formal_parameter":
                arguments.append(self.declare(self.of(part)))
            elif part.tag == "unspecified_parameters":
                arguments.append("...")
        return self.declare(self.of(die), f"{inner}({', '.join(arguments) or 'void'})")

    def array(self, die, inner):
        for part in die.below:
            count = part.at.get("count")
            if count is None and "upper_bound" in part.at:
                count = int(part.at["upper_bound"], 0) + 1
            inner += f"[{count if count is not None else ''}]"
        return self.declare(self.of(die), inner)

    def qualified(self, die, word, inner):
        of = self.of(die)
        if of is not None and of.tag == "pointer_type":
            return self.declare(of, f"{word} {inner}".strip())
        return f"{word} {self.declare(of, inner)}"

    def declare(self, die, inner=""):
        """`inner` as something of this type; "" for the type alone."""
        if die is None:
            return f"void {inner}".strip()
        if die.tag == "pointer_type":
            of = self.of(die)
            star = f"*{inner}"
            behind = of.tag if of is not None else ""
            return self.declare(of, f"({star})" if behind in ("subroutine_type", "array_type") else star)
        if die.tag == "subroutine_type":
            return self.function(die, inner)
        if die.tag == "array_type":
            return self.array(die, inner)
        if die.tag in ("const_type", "volatile_type", "restrict_type"):
            return self.qualified(die, die.tag.split("_")[0], inner)
        kind = {"structure_type": "struct ", "union_type": "union ", "enumeration_type": "enum "}
        name = die.name()
        if name is None:
            name = f"{{{'; '.join(self.members(die))}}}"
        return f"{kind.get(die.tag, '')}{BASE.get(name, name)} {inner}".strip()

    def members(self, die):
        for part in die.below:
            if part.tag == "enumerator":
                yield f"{part.name()} = {int(part.at['const_value'], 0)}"
            elif part.tag == "member":
                at = part.at.get("data_member_location", "0").split()[0]
                bits = f" : {part.at['bit_size']}" if "bit_size" in part.at else ""
                yield f"{int(at, 0)} {self.declare(self.of(part), part.name() or '')}{bits}"

    def items(self):
        """(head, lines) of each type of ours."""
        kinds = {"structure_type": "struct", "union_type": "union", "enumeration_type": "enum"}
        for die in self.top:
            name = die.name() or ""
            if die.tag == "enumeration_type" and not name:
                lines = list(self.members(die))
                if lines and lines[0].startswith("GW_"):
                    yield f"enum of {lines[0].split()[0]}", lines
            if not name.startswith("gw_") or "declaration" in die.at:
                continue
            if die.tag == "typedef":
                yield f"type {name}", [self.declare(self.of(die), name)]
            elif die.tag in kinds:
                size = [f"size {int(die.at['byte_size'], 0)}"] if die.tag != "enumeration_type" else []
                yield f"{kinds[die.tag]} {name}", size + list(self.members(die))


def layouts(src, cc):
    with tempfile.TemporaryDirectory(prefix="godwit-abi-") as folder:
        source, made = pathlib.Path(folder) / "all.c", pathlib.Path(folder) / "all.o"
        source.write_text(all_headers(src), encoding="utf-8")
        output_of(cc, *FLAGS, *DEBUG, f"-I{src}/include", "-c", "-o", made, source)
        text = output_of("readelf", "--debug-dump=info", made)
    return dict(Types(text).items())


# --- the headers' text ---


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def macros(src, cc):
    """Those that the headers define, but for guards and the number itself."""
    names = set()
    for header in headers_of(src):
        names.update(re.findall(r"^#define (\w+)", header.read_text(encoding="utf-8"), re.M))
    text = output_of(cc, *FLAGS, f"-I{src}/include", "-dM", "-E", "-x", "c", "-", text=all_headers(src))
    for line in text.splitlines():
        found = re.match(r"#define (\w+)(\([^)]*\))? ?(.*)", line)
        name = found[1]
        if name in names and not name.startswith(("GODWIT_", "GW_ABI")):
            arguments = re.sub(r"\s", "", found[2] or "").replace(",", ", ")
            value = re.sub(r" ?## ?", "##", " ".join(found[3].split()))
            yield f"macro {name}", [f"{name}{arguments} {value}"]


def functions(src):
    for header in headers_of(src):
        text = without_comments(header.read_text(encoding="utf-8"))
        for found in re.finditer(r"static inline ([^{;]*?\b(\w+)\([^{;]*\))\s*\{", text):
            yield f"function {found[2]}", [" ".join(found[1].split())]


# --- what was built ---


def row_structs(src):
    """The struct of each point's rows: the one before the point's define."""
    for header in headers_of(src):
        struct = ""
        for line in header.read_text(encoding="utf-8").splitlines():
            begins = re.match(r"struct (gw_\w+) \{", line)
            point = re.match(r'#define GW_POINT_\w+ "([a-z.-]+)"', line)
            struct = begins[1] if begins else struct
            if point:
                yield point[1], struct


def exports(file):
    """Its own symbols; those with a version are copies of a library's data."""
    lines = output_of("nm", "-D", "--defined-only", file).splitlines()
    return sorted(line.split()[-1] for line in lines if "@" not in line)


def modules(src, build, layout):
    structs = dict(row_structs(src))
    describe = build / "tests" / "tools" / "describe"
    files = [build / "godwit"] if (build / "godwit").exists() else []
    for name in sorted(p.parent.parent.name for p in build.glob("modules/*/.libs/*.so")):
        files.append(build / "modules" / name / ".libs" / f"{name}.so")
    for file in files:
        shown = output_of(describe, *([] if file.name == "godwit" else [file])).splitlines()
        lines = []
        for line in shown:
            words = line.split()
            struct = f"struct {structs.get(words[1])}"
            if words[0] == "point" and layout.get(struct, [""])[0] == f"size {words[2]}":
                line += f" {struct}"
            lines.append(line)
        if file.name == "godwit":
            yield "core", lines + [f"exports {' '.join(exports(file)) or 'nothing'}"]
        else:
            yield f"module {file.stem}", lines + [f"exports {' '.join(exports(file))}"]


# --- the list ---


def number_of(src):
    text = (src / "include" / "godwit" / "abi.h").read_text(encoding="utf-8")
    return tuple(int(re.search(rf"#define GW_ABI_{part} (\d+)", text)[1]) for part in ("MAJOR", "MINOR"))


def make(src, build, cc):
    made = dict(layouts(src, cc))
    made.update(macros(src, cc))
    made.update(functions(src))
    made.update(modules(src, build, made))
    return {head: made[head] for head in sorted(made)}


def text_of(number, made):
    parts = [ABOUT, "abi %u.%u\n" % number]
    for head, lines in made.items():
        parts.append(head + "\n" + "".join(f"\t{line}\n" for line in lines))
    return "".join(parts)


def read(path):
    number, made, lines = (0, 0), {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("abi "):
            number = tuple(map(int, line[4:].split(".")))
        elif line.startswith("\t"):
            lines.append(line[1:])
        elif line and not line.startswith("#"):
            lines = made.setdefault(line, [])
    return number, made


# --- what a difference asks for ---

SAME, MINOR, MAJOR = 0, 1, 2
WORDS = {MINOR: "minor", MAJOR: "major"}


def judge_struct(head, before, after):
    if before[1:] != after[1 : len(before)] or len(after) < len(before):
        return MAJOR, "what modules were compiled against has changed"
    if not SERVERS_OWN.match(head):
        return MAJOR, "modules have it in their own memory or tables"
    return MINOR, "added at the end of what only the server makes"


def judge_offers(_, before, after):
    """Of a module: interfaces, topics, points."""
    worst = (MINOR, "a module offers more")
    now = {tuple(line.split()[:2]): line for line in after}
    for line in before:
        key = tuple(line.split()[:2])
        if line in after:
            continue
        if key[0] == "interface" and key in now:
            old, new = (tuple(map(int, text.split()[2].split("."))) for text in (line, now[key]))
            if new[0] == old[0] and new[1] > old[1]:
                continue
        return MAJOR, f"'{line}' is not as it was"
    return worst


def judge_enum(_, before, after):
    if set(before) - set(after):
        return MAJOR, "a name has another number, or is gone"
    return MINOR, "a name was added"


def judge_else(_, before, after):
    return MAJOR, "a signature, a type or a constant is another one"


JUDGES = {
    "struct": judge_struct,
    "union": judge_else,
    "enum": judge_enum,
    "module": judge_offers,
    "core": judge_offers,
}


def judge(before, after):
    """[(head, what it asks for, why)] of all that differs."""
    found = []
    for head in sorted(set(before) | set(after)):
        if head not in after:
            found.append((head, MAJOR, "it is gone"))
        elif head not in before:
            found.append((head, MINOR, "it is new"))
        elif before[head] != after[head]:
            asked, why = JUDGES.get(head.split()[0], judge_else)(head, before[head], after[head])
            found.append((head, asked, why))
    return found


def forgotten_interfaces(before, after):
    """Tables that have grown, whose interface still has its number."""
    for head in after:
        name = re.match(r"struct gw_(\w+)_ops$", head)
        if not name or head not in before or len(after[head]) <= len(before[head]):
            continue
        for lines in after.values():
            for line in lines:
                if line.startswith(f"interface {name[1]} ") and any(line in old for old in before.values()):
                    yield f"{head} has grown, and '{line}' has not: raise the minor of that row, too"


def show_difference(head, before, after):
    old, new = before.get(head, []), after.get(head, [])
    for line in old:
        if line not in new:
            print(f"    - {line}")
    for line in new:
        if line not in old:
            print(f"    + {line}")


def misexported(made):
    for head, lines in made.items():
        for line in lines:
            if head == "core" and line.startswith("exports ") and line != "exports nothing":
                yield f"the server {line}: it is to export nothing; make that static or hidden"
            name = head.partition(" ")[2]
            if head.startswith("module ") and line.startswith("exports ") and line != f"exports {name}_LTX_gw_module":
                yield f"the module {name} {line}: it is to export its descriptor alone"


def next_number(number, asked):
    return (number[0] + 1, 0) if asked == MAJOR else (number[0], number[1] + 1)


def enough(old, new, asked):
    return new[0] > old[0] if asked == MAJOR else new > old


def compare(src, made, writing):
    """Whether the list may stay, or be replaced; says what is to be done if not."""
    path = src / "tests" / "abi" / "list"
    new = number_of(src)
    wrong = list(misexported(made))
    old, before = read(path) if path.exists() else (new, made)
    found = judge(before, made)
    asked = max((item[1] for item in found), default=SAME)
    raised = asked == SAME or enough(old, new, asked)
    for head, kind, why in [] if writing and raised else found:
        print(f"{head}: {why} ({WORDS[kind]})")
        show_difference(head, before, made)
    wrong += forgotten_interfaces(before, made)
    if asked != SAME and not raised:
        wrong.append(
            "What modules are compiled against differs from tests/abi/list, which holds for %u.%u; "
            "godwit/abi.h says %u.%u. By its rules this raises the %s: undo the change, or make the number "
            "%u.%u there (with a line that says why), then run tests/rules/abi --write."
            % (*old, *new, WORDS[asked], *next_number(old, asked))
        )
    elif not writing and (asked != SAME or new != old):
        wrong.append(
            "godwit/abi.h says %u.%u and tests/abi/list holds for %u.%u: run tests/rules/abi --write."
            % (*new, *old)
        )
    elif new < old:
        wrong.append("godwit/abi.h says %u.%u, which is less than the list's %u.%u" % (*new, *old))
    for line in wrong:
        print(line)
    if not wrong and writing:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(new, made), encoding="utf-8")
    return not wrong


def main():
    what, src, build = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    made = make(src, build, sys.argv[4] if len(sys.argv) > 4 else "cc")
    if what == "show":
        print(text_of(number_of(src), made), end="")
        return 0
    return 0 if compare(src, made, what == "write") else 1


if __name__ == "__main__":
    sys.exit(main())
