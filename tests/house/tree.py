"""A source tree as the rules see it: its files, their texts, and the few things that must be known of C."""
import os
import re
from functools import cached_property, lru_cache
from pathlib import Path

NOT_OURS = re.compile(r'^(\.git|build|build-.*|__pycache__)$')
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.DOTALL)


class Tree:
    def __init__(self, root, build=None):
        self.root = Path(root)
        self.build = Path(build) if build else None

    @cached_property
    def files(self):
        """All paths below the root, but for builds and git's own."""
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not NOT_OURS.match(name)]
            found += [str((Path(folder) / name).relative_to(self.root)) for name in names if not NOT_OURS.match(name)]
        return sorted(found)

    @lru_cache(maxsize=None)
    def text(self, path):
        return (self.root / path).read_text(encoding='utf-8', errors='replace')

    def lines(self, path):
        return self.text(path).splitlines()

    def matching(self, pattern):
        return [path for path in self.files if re.fullmatch(pattern, path)]

    @property
    def c_files(self):
        return self.matching(r'.*\.[ch]')

    @property
    def python_files(self):
        return [path for path in self.files if path.endswith('.py') or
                '.' not in Path(path).name and re.match(r'#!/usr/bin/env .*python3', self.text(path))]

    @property
    def public_headers(self):
        return self.matching(r'(harness/)?include/kin/[^/]*\.h')


def room_of(path):
    """life for src/life/domain.c, None outside src."""
    found = re.match(r'src/([^/]+)/', path)
    return found and found[1]


def first_comment(text):
    found = COMMENT.match(text.lstrip())
    return found[0] if found else ''


def quoted_includes(text):
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE)


def c_functions(lines):
    """(first line, length, name) of each function: from the brace in the first column to its partner."""
    for start, line in enumerate(lines):
        if line != '{':
            continue
        end = next((number for number in range(start, len(lines)) if lines[number].startswith('}')), len(lines) - 1)
        head = ' '.join(lines[max(0, start - 6):start])
        names = re.findall(r'(\w+)\s*\(', re.split(r'[;}]|\*/', head)[-1])
        names = [name for name in names if not name.startswith('__')]
        yield start + 1, end - start + 1, names[0] if names else '?'


def documented_functions(text):
    """(name, comment) of each function that a header declares right after a comment, but for the file's first."""
    for found in list(COMMENT.finditer(text))[1:]:
        after = text[found.end():].lstrip()
        declared = re.match(r'[\w\s*]*?\b(kin_\w+)\s*\(', after)
        if declared and ';' not in after[:declared.end()]:
            yield declared[1], found[0]
