#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the policies that the netlink spec asks for as C tables: spec-policy.py SPEC > HEADER."""
import sys

import yaml

TYPES = {"u32": "U32", "u64": "U64", "s32": "S32", "flag": "FLAG", "string": "NUL_STRING",
         "nest": "NESTED"}
LIMITS = {"u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1), "s32": (-2**31, 2**31 - 1)}


def upper(*words):
    return "_".join(w.strip("-") for w in words).replace("-", "_").upper()


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    consts = {d["name"]: d["value"] for d in spec["definitions"] if d["type"] == "const"}
    sets = {s["name"]: s for s in spec["attribute-sets"]}

    def attribute(set_name, name):
        attrs = sets[set_name]
        attr = next(a for a in attrs["attributes"] if a["name"] == name)
        checks = attr.get("checks", {})
        low, high = LIMITS.get(attr["type"], (0, 0))
        max_len = checks.get("max-len", 0)
        return (f"{{ .attr = {upper(attrs['name-prefix'], name)}, "
                f".type = NL_ATTR_TYPE_{TYPES[attr['type']]}, "
                f".min = {checks.get('min', low)}LL, "
                f".max = {checks.get('max', high)}ULL, "
                f".max_len = {consts.get(max_len, max_len)}, "
                f".nested = {nested.get(attr.get('nested-attributes'), 'NULL')} }},")

    nested = {}
    print("/* made by spec-policy.py from the netlink spec */")
    used = {a["nested-attributes"]
            for op in spec["operations"]["list"]
            for name in op.get("do", {}).get("request", {}).get("attributes", [])
            for a in sets[op["attribute-set"]]["attributes"]
            if a["name"] == name and "nested-attributes" in a}
    for name in sorted(used):
        print(f"static const struct spec_attr spec_set_{name}[] = {{")
        for attr in sets[name]["attributes"]:
            print("\t" + attribute(name, attr["name"]))
        print("\t{ .attr = 0 }\n};")
        nested[name] = f"spec_set_{name}"
    prefix = spec["operations"]["name-prefix"]
    rows = []
    for op in spec["operations"]["list"]:
        for way in ("do", "dump"):
            if way not in op:
                continue
            table = f"spec_{way}_{op['name'].replace('-', '_')}"
            print(f"static const struct spec_attr {table}[] = {{")
            for name in op[way].get("request", {}).get("attributes", []):
                print("\t" + attribute(op["attribute-set"], name))
            print("\t{ .attr = 0 }\n};")
            rows.append(f"\t{{ {upper(prefix, op['name'])}, CTRL_ATTR_POLICY_{way.upper()}, "
                        f"\"{op['name']} {way}\", {table} }},")
    print("static const struct spec_op spec_ops[] = {")
    print("\n".join(rows))
    print("};")


if __name__ == "__main__":
    main()
