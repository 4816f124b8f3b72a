#!/usr/bin/env -S python3 -B
"""Shows that each rule of the house can fail: a small good tree passes them all, each bad sample is complained of."""
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import built_rules
import manual_rules
import text_rules
from tree import Tree

HEADINGS = '''/* Shared things.
 *
 * Layout  one word.
 * States  none.
 * Always  none.
 * Order   none.
 * Death   nothing.
 * Tests   tests/crash/sweep_life. */
'''
GOOD = {
    'include/kin/base.h': '/* kin/base.h */\n\n/* Says so. Death: nothing. */\nint kin_after(int nanoseconds);\n',
    'kin.map': 'KIN_0 {\nglobal:\n    kin_after;\nlocal:\n    *;\n};\n',
    'src/sys/clock.h': 'int clock_read(void);\n',
    'src/sys/clock.c': '#include "sys/clock.h"\n\nint clock_read(void)\n{\n    return 1;\n}\n',
    'src/holds.def': 'KIND(QUEUE, "queue", queue_settle)\n',
    'src/life/life.h': HEADINGS + 'int life(int);\n',
    'src/life/life.c': '/* The six headings are in life/life.h. */\n#include "life/life.h"\n#include "sys/clock.h"\n'
                       '#include <kin/base.h>\n#define STORE(place, value) ((place) = (value))\n\n'
                       'int kin_after(int nanoseconds)\n{\n    STORE(nanoseconds, clock_read());\n'
                       '    return nanoseconds;\n}\n',
    'cli/main.c': '#include "command.h"\n#include <kin/base.h>\n#include <sys/clock.h>\n',
    'cli/command.h': '',
    'tests/crash/sweep_life.c': '/* kin_after */\n',
    'README.md': '',
    'cli/commands.tsv': 'command\t\t\tls\t[NAME]\tlist\n',
    'examples/01-a.c': '',
    'examples/meson.build': "test('01-a')\n",
    'man/meson.build': "{'fifo': 'pipe'}\n",
    'man/kin.3.scd': 'kin(3)\n\n@synopsis base.h@\n\n*kin_after*(3), *kin-textbook*(7), *kin ls*\n',
    'man/kin-textbook.7.scd': '\n'.join(f'## {row}\n\nExample: _examples/01-a.c_\n' for row in manual_rules.ROWS),
}

Bad = namedtuple('Bad', 'rule files complaint')
T, B, M = text_rules, built_rules, manual_rules
SCREEN = 'int f(void)\n{\n' + '    f();\n' * 59 + '}\n'
BAD = [
    Bad(T.includes_go_downward, {'src/sys/clock.c': '#include "life/life.h"\n'}, 'sys does not stand on life'),
    Bad(T.includes_go_downward, {'src/attic/a.c': ''}, 'attic is no room'),
    Bad(T.includes_go_downward, {'cli/main.c': '#include "life/life.h"\n'}, 'only include/kin'),
    Bad(T.includes_go_downward, {'examples/a.c': '#include "../src/life/life.h"\n'}, 'only include/kin'),
    Bad(T.includes_begin_with_the_room, {'src/sys/clock.c': '#include "clock.h"\n'}, 'does not begin'),
    Bad(T.files_are_short, {'src/sys/clock.c': '\n' * 501}, '501 lines'),
    Bad(T.files_are_short, {'tools/make': '\n' * 501}, '501 lines'),
    Bad(T.functions_are_short, {'src/sys/clock.c': SCREEN}, 'f has 61 lines'),
    Bad(T.functions_are_short, {'src/sys/clock.c': 'int f(void) {\n}\n'}, 'own line'),
    Bad(T.functions_are_short, {'tools/a.py': 'def f():\n' + '    f()\n' * 60}, 'f has 61 lines'),
    Bad(T.lines_are_narrow, {'src/sys/clock.c': '/*' + ' ' * 118 + '*/\n'}, '122 columns'),
    Bad(T.lines_are_narrow, {'src/sys/clock.c': '\tint f(void);\n'}, 'a tab'),
    Bad(T.deaths_have_crash_tests, {'tests/crash/sweep_life.c': '/* kin_after_all */\n'}, 'kin_after has'),
    Bad(T.shared_memory_has_six_headings, {'src/life/life.c': 'STORE(a, 1);\n'}, 'Layout, States'),
    Bad(T.shared_memory_has_six_headings, {'src/life/life.h': HEADINGS.replace('Order ', 'Turns')}, 'lacks: Order'),
    Bad(T.shared_memory_has_six_headings,
        {'src/life/life.c': '/* The six headings are in sync/lock.h. */\nCAS(a, b, c);\n'}, 'not a header of its room'),
    Bad(T.headings_name_real_tests, {'tests/crash/sweep_life.c': None}, 'there is none'),
    Bad(T.tree_is_clean, {'src/sys/clock.c.orig': ''}, 'scratch'),
    Bad(T.tree_is_clean, {'docs/a.md': 'see /' 'home/me/kin\n'}, 'somebody'),
    Bad(T.tree_is_clean, {'src/sys/clock.c': '/* TO' 'DO: think */\n'}, 'finish it'),
    Bad(M.every_header_has_a_page, {'include/kin/fifth.h': ''}, 'no page kin_fifth(3)'),
    Bad(M.every_header_has_a_page, {'include/kin/fifo.h': ''}, 'no page has @synopsis fifo.h@'),
    Bad(M.every_function_is_explained, {'man/kin.3.scd': '@synopsis base.h@\n'}, 'says nothing of kin_after'),
    Bad(M.every_header_is_in_the_readme, {'include/kin/fifo.h': ''}, 'include/kin/fifo.h is 0 times'),
    Bad(M.every_header_is_in_the_readme, {'README.md': '[kin/a.h](include/kin/a.h)'}, 'there is no include/kin/a.h'),
    Bad(M.the_manual_names_what_there_is, {'man/kin.1.scd': 'kin_before'}, 'there is no kin_before'),
    Bad(M.the_manual_names_what_there_is, {'man/kin.1.scd': '*kin_before*(3)'}, 'no page kin_before(3)'),
    Bad(M.the_manual_names_what_there_is, {'man/kin.1.scd': '*kin*(7)'}, 'no page kin(7)'),
    Bad(M.the_manual_names_what_there_is, {'man/kin.1.scd': '_tests/a.c_'}, 'there is no tests/a.c'),
    Bad(M.the_manual_names_what_there_is, {'man/kin.1.scd': '*kin lsof*'}, 'no command kin lsof'),
    Bad(M.the_manual_names_what_there_is, {'man/kin.1.scd': 'kin(1)\n```\nkin lsof\n```\n'}, 'no command kin lsof'),
    Bad(M.the_textbook_has_every_row, {'man/kin-textbook.7.scd': '## fork\n'}, '"fork" has no example'),
    Bad(M.the_textbook_has_every_row, {'man/kin-textbook.7.scd': ''}, 'has no section "fork"'),
    Bad(M.the_textbook_has_every_row, {'examples/01-a.c': None}, 'which is not there'),
    Bad(M.the_textbook_has_every_row, {'examples/meson.build': ''}, 'not run by'),
    Bad(B.headers_compile_alone, {'include/kin/base.h': 'pid_t kin_after(void);\n'}, 'alone as c11'),
    Bad(B.headers_compile_alone, {'include/kin/base.h': 'int kin_after(int new);\n'}, 'alone as c++17'),
    Bad(B.exports_are_the_map, {'kin.map': 'KIN_0 { global: kin_after; kin_at; local: *; };'}, 'kin_at: missing in'),
    Bad(B.exports_are_the_map, {'kin.map': 'KIN_0 { global: kin_*; local: *; };'}, 'kin_after: missing in kin.map'),
    Bad(B.exports_are_the_map, {'kin.map': 'KIN_0 { global: kin_b; kin_a; local: *; };'}, 'alphabetical'),
    Bad(B.exports_are_the_map, {'include/kin/base.h': 'int kin_after(int);\nint kin_at(int);\n'},
        'missing in kin.map and'),
    Bad(B.library_needs_libc_only, {'src/sys/clock.c': 'double sin(double);\nint clock_read(void)\n{\n'
                                                       '    return sin(clock_read());\n}\n'}, 'needs libm'),
    Bad(B.no_writable_globals, {'src/sys/clock.c': 'int clock_read(void)\n{\n    static int n;\n    return n++;\n}\n'},
        'n.0 is writable'),
    Bad(B.no_writable_globals, {}, 'open_lock is permitted'),
    Bad(B.calls_go_downward, {'src/sys/clock.c': 'int kin_after(int);\nint clock_read(void)\n{\n'
                                                 '    return kin_after(1);\n}\n'}, 'sys: calls kin_after of life'),
]


def compile_sample(tree):
    """The archive and the shared library of a sample, as Meson would name their parts."""
    folder = tree.root / 'build/src'
    folder.mkdir(parents=True)
    objects = []
    for path in tree.matching(r'src/.*\.c'):
        objects.append(folder / (path[len('src/'):].replace('/', '_') + '.o'))
        subprocess.run(['gcc', '-fPIC', f'-I{tree.root / "include"}', f'-I{tree.root / "src"}', '-c', tree.root / path,
                        '-o', objects[-1]], check=True)
    subprocess.run(['ar', 'rc', folder / 'libkin.a', *objects], check=True)
    subprocess.run(['gcc', '-shared', '-Wl,-soname,libkin.so.0', f'-Wl,--version-script={tree.root / "kin.map"}',
                    '-Wl,--as-needed', '-o', folder / 'libkin.so', *objects, '-lm'], check=True)


def complaints(rule, files):
    with tempfile.TemporaryDirectory() as folder:
        for path, text in {**GOOD, **files}.items():
            if text is not None:
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_text(text)
        tree = Tree(folder, Path(folder) / 'build')
        if rule in B.RULES and rule is not B.headers_compile_alone:
            compile_sample(tree)
        return list(rule(tree))


def results():
    """(passed, name, complaints) of each case."""
    for rule in T.RULES + M.RULES + B.RULES:
        name = rule.__name__.replace('_', ' ')
        known = [bad for bad in BAD if bad.rule is rule]
        if not known:
            yield False, f'{name}: has no bad sample', []
        for bad in known:
            found = complaints(rule, bad.files)
            yield any(bad.complaint in text for text in found), f'{name}: complains "{bad.complaint}"', found
        if rule is B.no_writable_globals:
            continue  # what is permitted in the library is missing in the sample
        found = complaints(rule, {})
        yield not found, f'{name}: lets the good sample pass', found


def main():
    cases = list(results())
    print(f'1..{len(cases)}')
    for number, (passed, name, found) in enumerate(cases, 1):
        print(f'{"ok" if passed else "not ok"} {number} - {name}')
        if not passed:
            print('\n'.join(f'# {line}' for line in found))
    return 0 if all(passed for passed, _, _ in cases) else 1


if __name__ == '__main__':
    sys.exit(main())
