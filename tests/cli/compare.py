#!/usr/bin/env python3
"""Compares usage, parser, completion and manual with commands.tsv. compare.py KIN TSV COMPLETION MANUAL; prints TAP."""
import os
import re
import subprocess
import sys

kin, tsv, completion, manual = sys.argv[1:]
rows = [line.rstrip("\n").split("\t") for line in open(tsv, encoding="utf-8") if not line.startswith("#")]
commands = {name: (operands, summary) for record, _, _, name, operands, summary in rows if record == "command"}
aliases = {name: of for record, of, _, name, _, _ in rows if record == "alias"}
groups = {}
for record, of, _, name, _, _ in rows:
    if record == "use":
        groups.setdefault(of, []).append(name)


def options(command):
    owners = [command, "@help"] + groups.get(command, [])
    return [row[2:] for row in rows if row[0] == "option" and row[1] in owners]


def columns(command):
    return [row[2:] for row in rows if row[0] == "column" and row[1] == command]


def long_form(letter, name, argument):
    return (f"-{letter}, " if letter else "") + f"--{name}" + (f" {argument}" if argument else "")


def words(text):
    return " ".join(text.split())


def run(*arguments):
    return subprocess.run([kin, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=100)


def check_usage(command):
    text = run("help", *command.split()).stdout
    usage = words(text)
    operands, summary = commands[command]
    assert usage.lower().find(summary.lower()) >= 0, f"no summary in:\n{text}"
    assert operands in usage, f"no {operands} in:\n{text}"
    for letter, name, argument, help_text in options(command):
        entry = f"{long_form(letter, name, argument)} {help_text}"
        assert entry in usage, f"no \"{entry}\" in:\n{text}"
    known = {"--" + name for _, name, _, _ in options(command)} | {"--"}
    assert set(re.findall(r"(?<=\s)--[a-z-]*", text)) <= known, f"options that are none in:\n{text}"
    for _, name, shown, help_text in columns(command):
        assert f"{'* ' if shown else ''}{name} {help_text}" in usage, f"no column {name} in:\n{text}"
    overview = words(run("help").stdout)
    assert f"{command} {summary}" in overview, "not in kin help"


def check_parser(command):
    """Every option is taken, in each of its forms; --help in the end keeps the command from acting."""
    for letter, name, argument, _ in options(command):
        forms = [["--" + name, "1"], ["--" + name + "=1"]] if argument else [["--" + name]]
        if letter:
            forms += [["-" + letter, "1"], ["-" + letter + "1"]] if argument else [["-" + letter]]
        for form in forms:
            result = run(*command.split(), *form, "--help")
            assert result.returncode == 0 and result.stdout.startswith("Usage:"), f"{form}: {result.stderr}"


def complete(*line):
    script = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kin; printf "%s\\n" "${COMPREPLY[@]}"'
    result = subprocess.run(["bash", "-c", script, completion, *line], capture_output=True, text=True, timeout=100,
                            env=dict(os.environ, PATH=os.path.dirname(kin) + ":" + os.environ["PATH"]))
    assert result.returncode == 0 and not result.stderr, result.stderr
    return set(result.stdout.split())


def check_completion(command):
    found = complete("kin", *command.split(), "-")
    wanted = {"--" + name for _, name, _, _ in options(command)}
    wanted |= {"-" + letter for letter, _, _, _ in options(command) if letter}
    assert found == wanted, f"completes {found ^ wanted} wrongly"
    head = command.split()[0]
    assert head in complete("kin", head[:1]), "the command itself is not completed"


def check_manual(command):
    text = open(manual, encoding="utf-8").read()
    text = words(re.sub(r"\\(.)", r"\1", text))
    operands, summary = commands[command]
    assert f"## kin {command} kin {command}" in text, "no section"
    section = text.split(f"## kin {command} ")[1].split(" ## ")[0].split(" # ")[0]
    assert summary[1:] in section and operands in section, f"no summary or operands in: {section}"
    for letter, name, argument, help_text in options(command):
        if name != "help":
            entry = f"*{long_form(letter, name, argument)}* {help_text[0].upper()}{help_text[1:]}."
            assert entry in section, f"no {entry} in: {section}"
            short = f"[-{letter}" if letter else f"[--{name}"
            assert short in text.split(" # DESCRIPTION")[0], f"{name} is not in the synopsis"
    for _, name, _, _ in columns(command):
        assert name in section, f"no column {name}"


def check_alias(alias):
    assert run(alias, "--help").stdout == run(aliases[alias], "--help").stdout, "the alias is another command"
    assert complete("kin", alias, "-") == complete("kin", aliases[alias], "-"), "the alias completes otherwise"


of_command = check_usage, check_parser, check_completion, check_manual
checks = [(check, command) for command in commands for check in of_command]
checks += [(check_alias, alias) for alias in aliases]
print(f"1..{len(checks)}")
failures = 0
for number, (check, name) in enumerate(checks, 1):
    try:
        check(name)
        print(f"ok {number} {check.__name__} {name}")
    except AssertionError as reason:
        failures += 1
        print(f"not ok {number} {check.__name__} {name}")
        print("# " + str(reason).replace("\n", "\n# "))
sys.exit(failures > 0)
