#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The Systems Manager documents, executed by Systems Manager's rules: parameters are checked against
allowedValues and allowedPattern by the service, and against allowedPattern alone by the agent. {{ }} is
replaced as text, a step runs if its precondition holds, its lines are one script for sh, and its exit status
is the document's. A stand-in for freezectl records its
arguments. KTAP on standard output; needs no guest."""
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = sorted((TOP / "tools/ssm").glob("*.yaml"))
APPS = {"mysql": ["--app", "mysql"], "postgresql": ["--app", "postgresql"], "iris": ["--app", "iris"],
        "hana": ["--app", "hana", "--script-timeout", "58s"], "generic": []}
UUID = "12345678-abcd-ABCD-0123-0123456789ab"

loader = importlib.machinery.SourceFileLoader("lint", str(TOP / "tools/ssm/lint"))
lint = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint", loader))
sys.dont_write_bytecode = True
loader.exec_module(lint)


class Refused(Exception):
    """Systems Manager does not run it."""


def parameters_of(document, given, service):
    values = {}
    for name in given:
        if name not in document["parameters"]:
            raise Refused(f"no parameter {name}")
    for name, parameter in document["parameters"].items():
        value = given.get(name, parameter.get("default"))
        if not isinstance(value, str):
            raise Refused(f"{name} is no string")
        if service and "allowedValues" in parameter and value not in parameter["allowedValues"]:
            raise Refused(f"{name} is not among the values")
        # As Go has it, where $ is the end of the text and not of a line.
        pattern = parameter.get("allowedPattern")
        if pattern and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
            raise Refused(f"{name} does not match the pattern")
        values[name] = value
    return values


def execute(document, given, directory, platform="Linux", freezectl=True, status=0, service=True):
    """The exit status of the document, and how freezectl was called."""
    values = parameters_of(document, given, service)
    calls = pathlib.Path(directory, "calls")
    calls.unlink(missing_ok=True)
    tool = pathlib.Path(directory, "freezectl")
    tool.unlink(missing_ok=True)
    if freezectl:
        tool.write_text(f'#!/bin/sh\nfor each; do printf "%s\\n" "$each"; done >>{calls}\nexit {status}\n')
        tool.chmod(0o755)
    result = 0
    for step in document["mainSteps"]:
        variable, wanted = step["precondition"]["StringEquals"]
        if {"platformType": platform}[variable] != wanted:
            continue
        script = "\n".join(step["inputs"]["runCommand"]) + "\n"
        script = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: values[found[1]], script)
        file = pathlib.Path(directory, "_script.sh")
        file.write_text(script)
        result = subprocess.run(["sh", file], cwd=directory, check=False, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                                env={"PATH": f"{directory}:/usr/bin:/bin"}).returncode
    return result, calls.read_text().splitlines() if calls.exists() else None


number = failures = 0


def report(name, problem=None):
    global number, failures
    number += 1
    if problem:
        for line in str(problem).splitlines():
            print(f"#   {line}")
        failures += 1
    print(f"{'not ' if problem else ''}ok {number} - {name}")


def same(name, got, wanted):
    report(name, None if got == wanted else f"{got!r}\nis not {wanted!r}")


HOSTILE = ["", "none", "None; touch owned", "$(touch owned)", "`touch owned`", f"{UUID}; touch owned",
           f"{UUID}\n", f"{UUID}\ntouch owned", "'; touch owned; '", f"x{UUID}", UUID[:-1], UUID + "0",
           "None\n", "{{ command }}", "../../etc/passwd", "-h", UUID.replace("a", "ä")]
HOSTILE_COMMANDS = ["", "reboot", "'; touch owned; '", "'$(touch owned)'", "pre-script; touch owned", "pre-script\n", "Pre-script", "dry-run'",
                    "{{ executionId }}"]


def check_document(path, directory):
    document = yaml.safe_load(path.read_text())
    name = path.stem
    report(f"{name}: lint has nothing to say", "\n".join(lint.lint(path.read_text())))
    for command in ("pre-script", "post-script", "dry-run"):
        for execution in ("None", UUID):
            same(f"{name}: {command} of {execution}",
                 execute(document, {"command": command, "executionId": execution}, directory),
                 (0, ["dlm", command, "--execution-id", execution] + APPS[name]))
    same(f"{name}: without parameters it is a dry-run", execute(document, {}, directory),
         (0, ["dlm", "dry-run", "--execution-id", "None"] + APPS[name]))
    for status in (1, 2, 201, 202, 203, 204, 205, 206):
        same(f"{name}: passes {status} on",
             execute(document, {"command": "pre-script"}, directory, status=status)[0], status)
    same(f"{name}: 206 where there is no freezectl",
         execute(document, {"command": "pre-script"}, directory, freezectl=False), (206, None))
    same(f"{name}: nothing on other platforms",
         execute(document, {"command": "pre-script"}, directory, platform="Windows"), (0, None))
    for service in True, False:
        ran = []
        for given in [{"executionId": each} for each in HOSTILE] + [{"command": each} for each in HOSTILE_COMMANDS]:
            try:
                execute(document, given, directory, service=service)
                ran.append(given)
            except Refused:
                pass
        same(f"{name}: hostile parameters are refused{'' if service else ', by the agent alone'}",
             (ran, os.path.exists(f"{directory}/owned")), ([], False))


# What lint is to find, each in a document that is otherwise good.
MISTAKES = [
    ("'2.2'", "'1.2'", "schemaVersion"),
    ("'2.2'", "2.2", "schemaVersion"),
    ("  executionId:\n    type: String", "  executionId:\n    type: StringList", "its type"),
    ("default: None", "default: ''", "its default"),
    ("{12})$", "{12})", "allowedPattern"),
    ("^(None|", "(None|", "allowedPattern"),
    ("default: dry-run", "default: pre-script", "its default"),
    ("|dry-run)$", ")$", "command: its allowedPattern"),
    ("    allowedPattern: ^(pre-script|post-script|dry-run)$\n", "", "command: its allowedPattern"),
    ("      - dry-run\n", "", "allowedValues"),
    ("      - dry-run\n", "      - dry-run\n      - reboot\n", "allowedValues"),
    ("  executionId:", "  executionID:", "executionId is missing"),
    ("aws:runShellScript", "aws:runPowerShellScript", "action"),
    ("    name: freezectl", "    name: freeze ctl", "name"),
    ("        - Linux", "        - Windows", "precondition"),
    ("'{{ command }}'", "{{ command }}", "single quotes"),
    ("'{{ executionId }}'", '"{{ executionId }}"', "single quotes"),
    ("'{{ executionId }}'", "'{{ executionID }}'", "is no parameter"),
    ("--execution-id '{{ executionId }}'", "--execution-id None", "does not use"),
    ("exec freezectl", "freezectl", "does not end with"),
    ("mainSteps:\n", "mainSteps:\n  - action: aws:runShellScript\n", "one step"),
    ("mainSteps:", "mainSteps: [", "not YAML"),
    ("description: Application", "outputs: x\ndescription: Application", "outputs"),
]


def check_lint():
    good = (TOP / "tools/ssm/mysql.yaml").read_text()
    for old, new, says in MISTAKES:
        problems = list(lint.lint(good.replace(old, new, 1)))
        report(f"lint finds: {old!r} as {new!r}",
               None if old in good and any(says in each for each in problems) else f"{problems} without {says}")


# The same for the policy of Documentation/dlm.md.
POLICY_MISTAKES = [
    ('"PRE", "POST"', '"PRE"', "nothing thaws but the deadline"),
    ('"PRE", "POST"', '"POST"', "205"),
    ('"PRE", "POST"', '"PRE", "PSOT"', "PRE and POST"),
    ('"AWS_SYSTEMS_MANAGER"', '"AWS_LAMBDA"', "ExecutionHandlerService"),
    ('"freezeguard-mysql"', '"my document"', "ExecutionHandler"),
    ('"ExecutionTimeout": 10', '"ExecutionTimeout": 9', "10 to 120"),
    ('"ExecutionTimeout": 10', '"ExecutionTimeout": true', "10 to 120"),
    ('"MaximumRetryCount": 2', '"MaximumRetryCount": 4', "0 to 3"),
    ('"MaximumRetryCount"', '"MaximumRetries"', "is unknown"),
    ('"ExecuteOperationOnScriptFailure": true', '"ExecuteOperationOnScriptFailure": "yes"', "true or false"),
    ('["INSTANCE"]', '["VOLUME"]', "targets instances"),
    ('EBS_SNAPSHOT_MANAGEMENT', 'IMAGE_MANAGEMENT', "PolicyType"),
    ('"Scripts"', '"Skripts"', "nothing is frozen"),
    ('"Scripts": [{', '"Scripts": [{}, {', "one script at most"),
    ('"RetainRule"', 'RetainRule', "is not JSON"),
]


def check_lint_of_policies():
    text = (TOP / "Documentation/dlm.md").read_text()
    good = re.search(r"```json\n(\s*\{\s*\"PolicyType\".*?)```", text, re.DOTALL).group(1)
    same("lint has nothing to say of the policy in dlm.md", [], list(lint.lint(good)))
    for old, new, says in POLICY_MISTAKES:
        problems = list(lint.lint(good.replace(old, new, 1)))
        report(f"lint finds in a policy: {old!r} as {new!r}",
               None if old in good and any(says in each for each in problems) else f"{problems} without {says}")


print(f"1..{20 * len(DOCUMENTS) + 3 + len(MISTAKES) + len(POLICY_MISTAKES)}")
same("there is a document for each", sorted(path.stem for path in DOCUMENTS), sorted(APPS))
with tempfile.TemporaryDirectory() as scratch:
    subprocess.run([TOP / "tools/ssm/generate", scratch], check=True, timeout=30)
    same("the documents are what tools/ssm/generate makes", {each.name: each.read_text() for each in DOCUMENTS},
         {each.name: each.read_text() for each in pathlib.Path(scratch).glob("*.yaml")})
with tempfile.TemporaryDirectory() as scratch:
    for each in DOCUMENTS:
        check_document(each, scratch)
check_lint()
check_lint_of_policies()
sys.exit(failures > 0)
