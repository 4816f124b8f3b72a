#!/usr/bin/env -S python3 -B
"""page.py SCDOC INCLUDE PAGE: prints a page for man, with what the headers know put in, so that neither can drift:

@names queue.h@      in NAME: the functions that the header declares, by commas
@synopsis queue.h@   in SYNOPSIS: their declarations, each no wider than a page
@functions queue.h@  in FUNCTIONS: what it says of each
"""
import re
import subprocess
import sys
import textwrap
from pathlib import Path

WIDTH = 67  # what 80 columns leave to an indented block
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.DOTALL)
DIRECTIVE = re.compile(r'^[ \t]*#(?:.*\\\n)*.*$', re.MULTILINE)
SAID = re.compile(r'^/\*((?:[^*]|\*(?!/))*)\*/\n((?:[^/\n].*\n)*)', re.MULTILINE)  # a comment, what it is about
EXPANSION = re.compile(r'@(names|synopsis|functions) ([\w.-]+\.h)@')


def declarations(header):
    """The functions of a header, each as one line, in its order."""
    text = DIRECTIVE.sub('', COMMENT.sub('', header)).replace('extern "C" {', '')
    while (bare := re.sub(r'\{[^{}]*\}', '', text)) != text:
        text = bare
    lines = (' '.join(line.split()) for line in text.split(';'))
    return [line + ';' for line in lines if function(line) and not line.startswith('typedef')]


def function(line):
    found = re.match(r'[\w\s*]*?\b(kin_\w+)\(', line)
    return found and found[1]


def wrapped(line):
    """A declaration over several lines: what follows the first is indented as far as it goes."""
    if len(line) <= WIDTH:
        return line
    column = line.index('(') + 1
    parts = [part.replace(' ', '\0') for part in re.split(r', (?![^()]*\)[^;])', line)]
    longest = max(map(len, [parts[0][column:], *parts[1:]])) + 1
    indent = ' ' * (column if column + longest <= WIDTH else 4)
    text = ', '.join(parts)
    if len(indent) == 4:
        text = text.replace('(', '( ', 1)
    text = textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return text.replace('( \n', '(\n').replace('( ', '(').replace('\0', ' ')


def explained(header):
    """An entry for each comment that stands before functions: their names, and what it says."""
    for comment, after in SAID.findall(header):
        names = [function(line) for line in declarations(after)]
        if names:
            text = re.sub(r'^ \* ?', '', comment, flags=re.MULTILINE).strip()
            text = re.sub(r'(?<!\w)([_*])', r'\\\1', text)
            text = re.sub(r'`([^`]*)`', r'_\1_', text)
            parts = [' '.join(part.split()) for part in re.split(r'\n(?=(?:Death|Fork|Signals): )', text)]
            parts = [re.sub(r'\b(Death|Fork|Signals):', r'*\1:*', re.sub('^-', r'\-', part)) for part in parts]
            yield ', '.join(f'*{name}*()' for name in names) + '\n\t' + '\n\n\t'.join(parts)


def expanded(page, read):
    """The page, where read gives the text of a header by its name."""
    def put_in(found):
        lines = declarations(read(found[2]))
        if found[1] == 'names':
            return textwrap.fill(', '.join(map(function, lines)), 110)
        if found[1] == 'functions':
            return '\n\n'.join(explained(read(found[2])))
        return '\n'.join(['```', f'#include <kin/{found[2]}>', '', *map(wrapped, lines), '```'])
    return EXPANSION.sub(put_in, page)


def main():
    scdoc, folder, page = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    text = expanded(page.read_text(), lambda name: (folder / name).read_text())
    roff = subprocess.run([scdoc], input=text, stdout=subprocess.PIPE, check=True, encoding='utf-8').stdout
    print(re.sub(r'^\.TH .*$', r'\g<0>\n.nh', roff, count=1, flags=re.MULTILINE), end='')  # no name is hyphenated


if __name__ == '__main__':
    main()
