"""Rules that a look at the text can check. Each takes a Tree and gives its complaints, one sentence each."""
import ast
import re

from tree import c_functions, documented_functions, first_comment, quoted_includes, room_of

# The drawing in DESIGN.md 1: what each room stands on.
STANDS_ON = {
    'sys': [],
    'process': ['sys'],
    'stream': ['sys'],
    'segment': ['sys'],
    'life': ['segment', 'sys'],
    'sync': ['life', 'segment', 'sys'],
    'memory': ['sync', 'life', 'segment', 'sys'],
    'channel': ['sync', 'life', 'segment', 'sys'],
    'supervise': ['process', 'stream', 'channel', 'memory', 'sync', 'life', 'segment', 'sys'],
}
OUTSIDE = r'(cli|examples|harness|chat|bridge|compat|include)/.*\.[ch]'
SHARED_MEMORY = r'src/(life|sync|channel|memory|segment|supervise)/.*\.[ch]'
STORES = re.compile(r'\b(STORE|STORE_RELEASE|CAS|EXCHANGE|FETCH_ADD|FETCH_OR)\(')
HEADINGS = ['Layout', 'States', 'Always', 'Order', 'Death', 'Tests']

FILE_LINES, FUNCTION_LINES, WIDTH = 500, 60, 120
MACHINE_PATH = re.compile(r'(?<![\w.}])/(work|root|home/\w+|tmp/(?:bui[l]d|brief|bash))\b')
UNFINISHED = re.compile(r'\b(TOD[O]|FIXM[E]|XX[X])\b')
SCRATCH = re.compile(r'.*(~|\.(orig|rej|swp|o|so|a|log|tmp|bak|pyc|trail))|(.*/)?(core|a\.out|pan|pan\.[a-z])')


def includes_go_downward(tree):
    for path in tree.matching(r'src/.*\.[ch]'):
        room = room_of(path)
        if room not in STANDS_ON:
            yield f'{path}: {room} is no room of the drawing'
            continue
        for name in quoted_includes(tree.text(path)):
            target = name.split('/')[0]
            if target in STANDS_ON and target not in [room, *STANDS_ON[room]]:
                yield f'{path}: includes {name}, but {room} does not stand on {target}'
    for path in tree.matching(OUTSIDE):
        for name in quoted_includes(tree.text(path)):
            if f'src/{name}' in tree.files or '../' in name:
                yield f'{path}: includes {name}: only include/kin is for those outside src'


def includes_begin_with_the_room(tree):
    for path in tree.matching(r'src/.*\.[ch]'):
        for name in quoted_includes(tree.text(path)):
            if name != 'holds.def' and name.split('/')[0] not in STANDS_ON:  # the one list above the rooms
                yield f'{path}: "{name}" does not begin with its room'


def files_are_short(tree):
    for path in tree.c_files + tree.python_files + tree.matching(r'.*\.(cpp|sh|bats|pml)|tools/[^.]*|Makefile'):
        length = len(tree.lines(path))
        if length > FILE_LINES:
            yield f'{path}: {length} lines, {FILE_LINES} at most'


def functions_are_short(tree):
    for path in tree.c_files:
        lines = tree.lines(path)
        for number, line in enumerate(lines, 1):
            if re.match(r'[a-z_][\w\s*]*\([^;]*\)\s*\{', line):
                yield f'{path}:{number}: the brace of a function stands on its own line'
        for number, length, name in c_functions(lines):
            if length > FUNCTION_LINES:
                yield f'{path}:{number}: {name} has {length} lines, {FUNCTION_LINES} at most'
    for path in tree.python_files:
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= FUNCTION_LINES:
                yield f'{path}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines'


def lines_are_narrow(tree):
    for path in tree.c_files + tree.python_files + tree.matching(r'.*\.(cpp|sh|bats|build|pml)|tools/[^.]*|Makefile'):
        for number, line in enumerate(tree.lines(path), 1):
            if len(line) > WIDTH:
                yield f'{path}:{number}: {len(line)} columns, {WIDTH} at most'
            if line != line.rstrip() or '\t' in line and path != 'Makefile':
                yield f'{path}:{number}: a tab, or blanks at the end'


def deaths_have_crash_tests(tree):
    tested = '\n'.join(tree.text(path) for path in tree.matching(r'tests/crash/.*\.(c|h|def|py)'))
    for path in tree.public_headers:
        for name, comment in documented_functions(tree.text(path)):
            if 'Death:' in comment and not re.search(rf'\b{name}\b', tested):
                yield f'{path}: {name} has a "Death:" line, and no file of tests/crash names it'


def missing_headings(text):
    words = re.findall(r'^\s*(?:/\*|\*)\s*(\w+)\b', first_comment(text), re.MULTILINE)
    found = [word for word in words if word in HEADINGS]
    return [] if found == HEADINGS else [word for word in HEADINGS if word not in found] or ['their order']


def shared_memory_has_six_headings(tree):
    for path in tree.matching(SHARED_MEMORY):
        text = tree.text(path)
        if not STORES.search(text):
            continue
        told = re.search(r'The six headings are in (\w+/\w+\.h)', first_comment(text))
        home = f'src/{told[1]}' if told else path
        if home not in tree.files or room_of(home) != room_of(path):
            yield f'{path}: sends the reader to {told[1]}, which is not a header of its room'
        elif missing := missing_headings(tree.text(home)):
            yield f'{path}: writes shared memory and its first comment lacks: {", ".join(missing)}'


def headings_name_real_tests(tree):
    for path in tree.matching(SHARED_MEMORY):
        found = re.search(r'^\s*(?:/\*|\*)\s*Tests\b(.*)', first_comment(tree.text(path)), re.MULTILINE | re.DOTALL)
        for name in re.findall(r'\b(?:tests|model)/[\w./-]*\w', found[1] if found else ''):
            if not any(other == name or other.startswith((name + '/', name + '.')) for other in tree.files):
                yield f'{path}: names {name} as its test, and there is none'


def tree_is_clean(tree):
    for path in tree.files:
        if SCRATCH.fullmatch(path):
            yield f'{path}: a scratch file'
            continue
        for number, line in enumerate(tree.lines(path), 1):
            if found := MACHINE_PATH.search(line):
                yield f'{path}:{number}: {found[0]} is a place on somebody\'s machine'
            if found := UNFINISHED.search(line):
                yield f'{path}:{number}: {found[0]}: finish it, or say it in an issue'


RULES = [
    includes_go_downward, includes_begin_with_the_room, files_are_short, functions_are_short, lines_are_narrow,
    deaths_have_crash_tests, shared_memory_has_six_headings, headings_name_real_tests, tree_is_clean,
]
