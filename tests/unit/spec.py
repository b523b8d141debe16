#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The netlink spec agrees with the uapi header in every name, value and type, both ways, and with
the library's table of attributes, which the program named by the argument prints.

Prints KTAP. The spec's names are compiled against the header; the header's, taken from the
preprocessor, are looked for in the spec. The running kernel's policy is compared with the spec by
tests/kernel/policy.c.
"""
import os
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPEC = os.path.join(ROOT, "Documentation/netlink/specs/freezeguard.yaml")
UAPI = os.path.join(ROOT, "module/uapi")
HEADER = os.path.join(UAPI, "linux/freezeguard.h")
CC = os.environ.get("CC", "cc")


def upper(*words):
    return "_".join(w.strip("-") for w in words).replace("-", "_").upper()


def enumerate_entries(entries, start):
    """Yields (name, value) as C's enum rules give them."""
    value = start
    for entry in entries:
        if isinstance(entry, dict):
            value = entry.get("value", value)
            yield entry["name"], value
        else:
            yield entry, value
        value += 1


def spec_names(spec):
    """Every C name that the spec stands for: {group: {name: value}}."""
    family = spec["name"]
    groups = {"family": {
        upper(family, "family-name"): family,
        upper(family, "family-version"): spec.get("version", 1),
    }}
    for group in spec["mcast-groups"]["list"]:
        groups["family"][upper(family, "mcgrp", group["name"])] = group["name"]
    groups["constants"] = {upper(family, d["name"]): d["value"]
                           for d in spec["definitions"] if d["type"] == "const"}
    for d in spec["definitions"]:
        if d["type"] == "enum":
            groups["enum " + d["name"]] = {
                upper(family, d["name"], name): value
                for name, value in enumerate_entries(d["entries"], d["value-start"])}
    for attrs in spec["attribute-sets"]:
        prefix = attrs["name-prefix"]
        names = {upper(prefix, name): value
                 for name, value in enumerate_entries(attrs["attributes"], 1)}
        names[upper(prefix, "max")] = max(names.values())
        groups["attributes " + attrs["name"]] = names
    prefix = spec["operations"]["name-prefix"]
    names = {upper(prefix, name): value
             for name, value in enumerate_entries(spec["operations"]["list"], 1)}
    names[upper(prefix, "max")] = max(names.values())
    groups["operations"] = names
    return groups


def header_names():
    """Every name that the header defines, but for include guards and the __..._MAX helpers."""
    text = subprocess.run([CC, "-E", "-P", HEADER], check=True, capture_output=True,
                          text=True).stdout
    names = set(re.findall(r"\b(FREEZEGUARD_\w+)", text))
    macros = subprocess.run([CC, "-E", "-dM", HEADER], check=True, capture_output=True,
                            text=True).stdout
    return names | set(re.findall(r"^#define (FREEZEGUARD_\w+)", macros, re.M))


def compiled_values(names):
    """What the C compiler says that each name is: {name: value}, strings for string macros."""
    with tempfile.TemporaryDirectory() as tmp:
        source = os.path.join(tmp, "names.c")
        program = os.path.join(tmp, "names")
        with open(source, "w", encoding="ascii") as f:
            f.write('#include <stdio.h>\n#include <linux/freezeguard.h>\n'
                    'static void show(const char *n, const char *v)\n'
                    '{ printf("%s \\"%s\\"\\n", n, v); }\n'
                    'static void show_int(const char *n, long v) { printf("%s %ld\\n", n, v); }\n'
                    'int main(void)\n{\n')
            for name, value in names.items():
                call = "show" if isinstance(value, str) else "show_int"
                f.write(f'\t{call}("{name}", {name});\n')
            f.write("\treturn 0;\n}\n")
        subprocess.run([CC, "-Wall", "-Werror", "-I", UAPI, "-o", program, source], check=True)
        lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    values = {}
    for line in lines.splitlines():
        name, value = line.split(" ", 1)
        values[name] = value.strip('"') if value.startswith('"') else int(value)
    return values


def header_types():
    """The types that the header's comments give the attributes: {name: word}."""
    with open(HEADER, encoding="utf-8") as f:
        found = re.findall(r"(FREEZEGUARD_A_\w+)(?: = 1)?,\s*/\* (u32|u64|s32|string|flag|nest)\b",
                           f.read())
    return dict(found)


class Ktap:
    """Collects results, to print them once their number is known."""

    def __init__(self):
        self.results = []

    def test(self, name, problems):
        self.results.append((name, problems))

    def finish(self):
        """Prints everything; returns whether something failed."""
        print("KTAP version 1")
        print(f"1..{len(self.results)}")
        for number, (name, problems) in enumerate(self.results, 1):
            for problem in problems:
                print("#", problem)
            print(f"{'not ok' if problems else 'ok'} {number} {name}")
        return any(problems for _, problems in self.results)


def check_references(spec):
    """Everything that the spec refers to by name is there."""
    problems = []
    enums = {d["name"] for d in spec["definitions"] if d["type"] == "enum"}
    consts = {d["name"] for d in spec["definitions"] if d["type"] == "const"}
    sets = {s["name"]: {a["name"] for a in s["attributes"]} for s in spec["attribute-sets"]}
    groups = {g["name"] for g in spec["mcast-groups"]["list"]}
    for attrs in spec["attribute-sets"]:
        for attr in attrs["attributes"]:
            where = f"{attrs['name']}.{attr['name']}"
            if attr.get("enum", next(iter(enums))) not in enums:
                problems.append(f"{where}: no enum {attr['enum']}")
            if attr["type"] == "nest" and attr.get("nested-attributes") not in sets:
                problems.append(f"{where}: no attribute set {attr.get('nested-attributes')}")
            limit = attr.get("checks", {}).get("max-len", 0)
            if isinstance(limit, str) and limit not in consts:
                problems.append(f"{where}: no constant {limit}")
    for op in spec["operations"]["list"]:
        known = sets.get(op["attribute-set"], set())
        if op.get("mcgrp", next(iter(groups))) not in groups:
            problems.append(f"{op['name']}: no multicast group {op['mcgrp']}")
        for way in ("do", "dump"):
            for part in ("request", "reply"):
                for name in op.get(way, {}).get(part, {}).get("attributes", []):
                    if name not in known:
                        problems.append(f"{op['name']}: no attribute {name}")
        for name in op.get("event", {}).get("attributes", []):
            if name not in known:
                problems.append(f"{op['name']}: no attribute {name}")
    return problems


def check_library(spec, program):
    """The library's attributes are the spec's."""
    lines = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    library = set(lines.splitlines())
    ours = {f"{attrs['name']} {attr['name']} {number} {attr['type']}"
            for attrs in spec["attribute-sets"]
            for number, attr in enumerate(attrs["attributes"], 1)}
    return ([f"{line}: in the library only" for line in sorted(library - ours)] +
            [f"{line}: in the spec only" for line in sorted(ours - library)])


def main():
    with open(SPEC, encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    ktap = Ktap()
    groups = spec_names(spec)
    everything = {name: value for names in groups.values() for name, value in names.items()}
    in_header = header_names()

    both = {name: value for name, value in everything.items() if name in in_header}
    compiled = compiled_values(both)
    for group, names in groups.items():
        problems = []
        for name, value in names.items():
            if name not in compiled:
                problems.append(f"{name}: in the spec, not in the header")
            elif compiled[name] != value:
                problems.append(f"{name}: {value!r} in the spec, {compiled[name]!r} in the header")
        ktap.test(group, problems)

    ktap.test("nothing in the header that is not in the spec",
              [f"{name}: not in the spec" for name in sorted(in_header - set(everything))])

    types = header_types()
    problems = []
    for attrs in spec["attribute-sets"]:
        for attr in attrs["attributes"]:
            name = upper(attrs["name-prefix"], attr["name"])
            word = "pad" if attr["name"] == "pad" else types.get(name)
            if attr["type"] != word:
                problems.append(f"{name}: {attr['type']} in the spec, {word} in the header")
    ktap.test("attribute types", problems)
    ktap.test("the library's attributes", check_library(spec, sys.argv[1]))
    ktap.test("references inside the spec", check_references(spec))
    with open(SPEC, encoding="utf-8") as a, open(HEADER, encoding="utf-8") as b:
        licence = "SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)"
        ktap.test("licence of spec and header",
                  [f.name for f in (a, b) if licence not in f.readline()])
    return ktap.finish()


if __name__ == "__main__":
    sys.exit(main())
