#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the fuzzer's knowledge of the protocol as C tables: spec-table.py SPEC HEADER > TABLE.

Commands, attribute sets, types, nesting and limits come from the netlink spec, the errors that each
command may answer with from the essay that opens the uapi header.
"""
import errno
import re
import sys

import yaml

LIMITS = {"u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1), "s32": (-2**31, 2**31 - 1)}


def upper(*words):
    return "_".join(w.strip("-") for w in words).replace("-", "_").upper()


def documented_errors(header):
    """The error names of each command: those after its "errors:", and those it refers to."""
    with open(header, encoding="utf-8") as f:
        essay = f.read().split("#ifndef")[0]
    found = {}
    pieces = re.split(r"^ \* FREEZEGUARD_CMD_(\w+)\n", essay, flags=re.M)
    for name, text in zip(pieces[1::2], pieces[2::2]):
        _, errors_follow, text = text.partition("errors:")
        if not errors_follow:
            continue
        refers = re.search(r"\bas (LEASE_\w+|FS_\w+)", text)
        names = list(found[refers[1]]) if refers else []
        for word in re.findall(r"\bE[A-Z0-9]+\b", text):
            if hasattr(errno, word) and word not in names:
                names.append(word)
        found[name] = names
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    errors = documented_errors(sys.argv[2])
    consts = {d["name"]: d["value"] for d in spec["definitions"] if d["type"] == "const"}
    sets = {s["name"]: s for s in spec["attribute-sets"]}

    def set_name(name):
        return f"fuzz_set_{name.replace('-', '_')}"

    def attr_name(attrs, name):
        return upper(sets[attrs]["name-prefix"], name)

    def mask(attrs, names):
        return " | ".join(f"1ULL << {attr_name(attrs, n)}" for n in names) or "0"

    print("/* made by spec-table.py from the netlink spec and the uapi header */")
    for name in sets:
        print(f"static const struct fuzz_set {set_name(name)};")
    for name, attrs in sets.items():
        print(f"static const struct fuzz_attr {set_name(name)}_attrs[] = {{")
        for attr in attrs["attributes"]:
            checks = attr.get("checks", {})
            low, high = LIMITS.get(attr["type"], (0, 0))
            length = checks.get("max-len", 0)
            nested = attr.get("nested-attributes")
            print(f"\t{{ .name = \"{attr['name']}\", .type = {attr_name(name, attr['name'])}, "
                  f".kind = FUZZ_{attr['type'].upper()}, .multi = {int('multi-attr' in attr)}, "
                  f".min = {checks.get('min', low)}LL, .max = {checks.get('max', high)}ULL, "
                  f".max_len = {consts.get(length, length)}, "
                  f".nested = {'&' + set_name(nested) if nested else 'NULL'} }},")
        print("};")
        print(f"static const struct fuzz_set {set_name(name)} = {{ \"{name}\", {set_name(name)}_attrs, "
              f"{len(attrs['attributes'])} }};")
    print("const struct fuzz_op fuzz_ops[] = {")
    for op in spec["operations"]["list"]:
        if "do" not in op:
            continue
        attrs = op["attribute-set"]
        reply = set(op["do"]["reply"]["attributes"]) | set(
            op.get("dump", {}).get("reply", {}).get("attributes", []))
        reply |= {a["name"] for a in sets[attrs]["attributes"] if a["type"] == "pad"}
        print(f"\t{{ .name = \"{op['name']}\", "
              f".cmd = {upper(spec['operations']['name-prefix'], op['name'])}, "
              f".dump = {int('dump' in op)}, .set = &{set_name(attrs)},\n"
              f"\t  .request = {mask(attrs, op['do']['request']['attributes'])},\n"
              f"\t  .reply = {mask(attrs, sorted(reply))},\n"
              f"\t  .errors = {{ {', '.join(errors[upper(op['name'])])} }} }},")
    print("};")
    print("const unsigned int fuzz_n_ops = sizeof(fuzz_ops) / sizeof(fuzz_ops[0]);")


if __name__ == "__main__":
    main()
