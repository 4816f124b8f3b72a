#!/usr/bin/env python3
"""Makes from cli/commands.tsv what the kin command and its documents need to know of its options.

    generate.py header|table|completion commands.tsv OUTPUT
    generate.py manual commands.tsv kin.1.scd OUTPUT
"""
import re
import sys
import textwrap

WIDTH = 79


class Command:
    def __init__(self, name, operands, summary):
        self.name, self.operands, self.summary = name, operands, summary
        self.aliases, self.options, self.columns = [], [], []
        self.symbol = name.replace(" ", "_")


class Option:
    def __init__(self, letter, name, argument, text):
        self.letter, self.name, self.argument, self.text = letter, name, argument, text
        self.symbol = "OPTION_" + name.upper().replace("-", "_")

    def short_form(self):
        """As a synopsis names it: by its letter when it has one."""
        name = "-" + self.letter if self.letter else "--" + self.name
        return name + (" " + self.argument if self.argument else "")

    def long_form(self):
        letter = f"-{self.letter}, " if self.letter else "    "
        return letter + "--" + self.name + (" " + self.argument if self.argument else "")


class Column:
    def __init__(self, kind, name, shown, text):
        self.kind, self.name, self.shown, self.text = kind, name, shown == "shown", text


def read(path):
    commands, groups = {}, {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 6:
                sys.exit(f"{path}:{number}: {len(fields)} fields, and there should be 6")
            record, of, letter, name, argument, text = fields
            if record == "command":
                commands[name] = Command(name, argument, text)
            elif record == "option" and of.startswith("@"):
                groups.setdefault(of, []).append(Option(letter, name, argument, text))
            elif record == "option":
                commands[of].options.append(Option(letter, name, argument, text))
            elif record == "alias":
                commands[of].aliases.append(name)
            elif record == "use":
                commands[of].options += groups[name]
            elif record == "column":
                commands[of].columns.append(Column(letter, name, argument, text))
            else:
                sys.exit(f"{path}:{number}: \"{record}\" is no kind of record")
    for command in commands.values():
        command.options += groups["@help"]
    return list(commands.values())


def synopsis(command):
    words = ["kin", command.name] + [f"[{option.short_form()}]" for option in command.options if option.name != "help"]
    return " ".join(words + ([command.operands] if command.operands else []))


def entries(pairs):
    """Two columns of text: names, and what they mean."""
    width = min(max(len(name) for name, _ in pairs), 26) + 4
    lines = []
    for name, text in pairs:
        body = textwrap.wrap(text, WIDTH - width, break_on_hyphens=False) or [""]
        if len(name) + 4 > width:
            lines += ["  " + name, " " * width + body[0]]
        else:
            lines.append("  " + name.ljust(width - 2) + body[0])
        lines += [" " * width + line for line in body[1:]]
    return lines


def usage(command):
    indent = " " * len("Usage: kin " + command.name + " ")
    # Brackets stay whole: their spaces are hidden from the wrapping.
    hidden = re.sub(r"\[[^\]]*\]*", lambda found: found.group().replace(" ", "\0"), synopsis(command))
    lines = textwrap.wrap("Usage: " + hidden, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
    lines = [line.replace("\0", " ") for line in lines]
    if command.aliases:
        lines.append("Also: " + ", ".join("kin " + alias for alias in command.aliases))
    lines += ["", command.summary[0].upper() + command.summary[1:] + ".", "", "Options:"]
    lines += entries([(option.long_form(), option.text) for option in command.options])
    if command.columns:
        lines += ["", "Columns (* shown when -o does not say otherwise):"]
        lines += entries([(("* " if column.shown else "  ") + column.name, column.text) for column in command.columns])
    return "\n".join(lines) + "\n"


def operand_limits(command):
    """The least and most operands (-1: any number), and whether CMD follows: never, may, must; or is the operands."""
    if command.operands.startswith("CMD"):
        return 1, -1, "OWN_CMD"
    operands, _, words = command.operands.partition("-- CMD")
    least = most = 0
    for word in operands.replace("[", " [").split():
        optional = word.startswith("[")
        name = word.strip("[]")
        if not name:
            continue
        least += 0 if optional else 1
        most = -1 if name.endswith("...") or most < 0 else most + 1
    if "-- CMD" not in command.operands:
        return least, most, "FLOCK_CMD" if "[CMD" in command.operands else "NO_CMD"
    return least, most, "MAY_CMD" if operands.endswith("[") else "MUST_CMD"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def header(commands):
    options = dict.fromkeys(option.symbol for command in commands for option in command.options)
    lines = ["enum option_id {"] + [f"    {symbol}," for symbol in options] + ["    OPTIONS_IN_ALL", "};"]
    for command in commands:
        if command.columns:
            names = [f"{command.symbol}_{column.name}".upper().replace("-", "_") for column in command.columns]
            lines += ["enum {"] + [f"    {name}," for name in names] + ["};"]
    lines += ["struct call;"] + [f"int cmd_{command.symbol}(struct call *call);" for command in commands]
    return "\n".join(["#pragma once"] + lines) + "\n"


def table(commands):
    lines = ['#include "command.h"']
    for command in commands:
        lines.append(f"static const struct option_row {command.symbol}_options[] = {{")
        for option in command.options:
            letter = f"'{option.letter}'" if option.letter else "0"
            argument = "true" if option.argument else "false"
            lines.append(f"    {{{option.symbol}, {letter}, {quoted(option.name)}, {argument}}},")
        lines.append("};")
        if command.columns:
            lines.append(f"static const struct column {command.symbol}_columns[] = {{")
            for column in command.columns:
                shown = "true" if column.shown else "false"
                lines.append(f"    {{{quoted(column.name)}, COLUMN_{column.kind.upper()}, {shown}}},")
            lines.append("};")
    lines.append("const struct command commands[] = {")
    for command in commands:
        least, most, words = operand_limits(command)
        fields = [quoted(command.name), quoted(command.aliases[0]) if command.aliases else "NULL",
                  quoted(command.operands), quoted(command.summary),
                  f"{command.symbol}_options", str(len(command.options)),
                  f"{command.symbol}_columns" if command.columns else "NULL", str(len(command.columns)),
                  str(least), str(most), words, f"cmd_{command.symbol}"]
        body = "\n".join("     " + quoted(line + "\n") for line in usage(command).splitlines())
        lines.append("    {" + ", ".join(fields) + ",\n" + body + "},")
    lines += ["};", f"const size_t command_count = {len(commands)};"]
    return "\n".join(lines) + "\n"


COMPLETION = """# bash completion for kin
_kin_names()
{{
    COMPREPLY+=($(compgen -W "$(kin ls -r --no-headings -o NAME 2>/dev/null)" -- "$1"))
}}

_kin()
{{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{COMP_WORDS[1]}} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{first}" -- "$current"))
        return
    fi
    if [ "$command" = mk ]; then
        if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W "{kinds}" -- "$current"))
            return
        fi
        command="mk ${{COMP_WORDS[2]}}"
    fi
    case $previous in
    --result|--dead-letter) _kin_names "$current"; return ;;
    --cwd|-C) COMPREPLY=($(compgen -d -- "$current")); return ;;
    esac
    case $command in
{cases}
    esac
    case $current in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")); return ;;
    esac
    case $command in
    {named}) _kin_names "$current" ;;
    help) COMPREPLY=($(compgen -W "{first}" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
}}
complete -F _kin kin
"""


def completion(commands):
    first, kinds, cases, named = [], [], [], []
    for command in commands:
        names = [command.name] + command.aliases
        for name in names:
            head, _, kind = name.partition(" ")
            if head not in first:
                first.append(head)
            if kind:
                kinds.append(kind)
        words = " ".join(word for option in command.options
                         for word in (["-" + option.letter] if option.letter else []) + ["--" + option.name])
        cases.append(f"    {'|'.join(quoted(name) for name in names)}) words=\"{words}\" ;;")
        if re.search(r"\b(NAME|QUEUE)\b", command.operands) and not command.name.startswith("mk "):
            named += names
    return COMPLETION.format(first=" ".join(first), kinds=" ".join(kinds), cases="\n".join(cases),
                             named="|".join(named))


def escaped(text):
    return re.sub(r"([\\_*<>])", r"\\\1", text)


def sentence(text):
    return escaped(text[0].upper() + text[1:]) + "."


def manual_command(command):
    lines = [f"## kin {escaped(command.name)}", "", escaped(synopsis(command)), ""]
    for alias in command.aliases:
        lines += [f"*kin {alias}* is the same.", ""]
    lines += [sentence(command.summary), ""]
    for option in command.options:
        if option.name != "help":
            lines += [f"*{escaped(option.long_form().strip())}*", "\t" + sentence(option.text), ""]
    if command.columns:
        shown = ", ".join(column.name for column in command.columns if column.shown)
        more = ", ".join(column.name for column in command.columns if not column.shown)
        lines += [f"Columns: {escaped(shown)}" + (f"; and with -o: {escaped(more)}" if more else "") + ".", ""]
    return "\n".join(lines)


def manual(commands, text):
    lines = "++\n".join(escaped(synopsis(command)) for command in commands)
    return text.replace("@SYNOPSES@", lines).replace("@COMMANDS@", "\n".join(map(manual_command, commands)))


def main(arguments):
    commands = read(arguments[1])
    if arguments[0] == "manual":
        with open(arguments[2], encoding="utf-8") as body:
            text = manual(commands, body.read())
    else:
        text = {"header": header, "table": table, "completion": completion}[arguments[0]](commands)
    with open(arguments[-1], "w", encoding="utf-8") as output:
        output.write(text)


main(sys.argv[1:])
