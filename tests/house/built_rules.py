"""Rules on what the compiler and the linker make of the tree. tree.build is a build folder with src/libkin.{so,a}."""
import re
import subprocess
import tempfile
from pathlib import Path

from text_rules import STANDS_ON

WARNINGS = ['-Wall', '-Wextra', '-Werror', '-pedantic', '-fsyntax-only']
LIBC = re.compile(r'(libc|ld-linux.*|ld64|libc\.musl.*)\.so.*')

# Writable data that is not a thread's own: object file, symbol, and why it must be.
PERMITTED = {
    ('life_domain.c', 'open_domains'): 'the handles that threads share, so that a thread has one life a domain',
    ('life_domain.c', 'open_lock'): 'guards open_domains',
    ('life_life.c', 'thread_end'): 'the key by which a thread that ends gives back its lives; set once, at loading',
    ('life_bell.c', 'number'): 'numbers the doorbells of this process',
    ('channel_queue.c', 'handles'): 'numbers the handles of this process',
    ('channel_service_call.c', 'calls'): 'numbers the calls of this process',
    ('sys_futex.c', 'answer'): 'whether futex_waitv works: asked once, the same for all threads',
}


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ''


def headers_compile_alone(tree):
    languages = [('gcc', 'c', 'c11'), ('g++', 'c++', 'c++17')]
    folders = [f'-I{tree.root / folder}' for folder in ('include', 'harness/include')]
    for path in tree.public_headers:
        for compiler, language, standard in languages:
            done = subprocess.run([compiler, '-x', language, f'-std={standard}', *WARNINGS, *folders, '-include',
                                   tree.root / path, '/dev/null'], capture_output=True, text=True)
            if done.returncode:
                yield f'{path}: does not compile alone as {standard}: {done.stderr.strip().splitlines()[-1]}'


def declared(tree):
    """The functions that include/kin declares, as the compiler understands it."""
    names = set()
    with tempfile.NamedTemporaryFile() as prototypes:
        for path in tree.matching(r'include/kin/[^/]*\.h'):
            subprocess.run(['gcc', '-std=gnu11', f'-I{tree.root / "include"}', '-x', 'c', '-c', '-o', '/dev/null',
                            '-aux-info', prototypes.name, '-include', tree.root / path, '/dev/null'], check=True)
            lines = Path(prototypes.name).read_text().splitlines()
            names |= {found[1] for line in lines if (found := re.search(r'extern .*?\b(kin_\w+) \(', line))}
    return names


def listed(tree):
    """The functions that kin.map names, in its order."""
    body = re.search(r'global:(.*?)local:', tree.text('kin.map'), re.DOTALL)
    return re.findall(r'[\w*]+', body[1]) if body else []


def exported(tree):
    names = output_of('nm', '-D', '--defined-only', '--format=just-symbols', tree.build / 'src/libkin.so').split()
    return {name.split('@')[0] for name in names} - {'KIN_0'}


def exports_are_the_map(tree):
    names = listed(tree)
    if names != sorted(names):
        yield 'kin.map: not in alphabetical order'
    places = {'kin.map': set(names), 'include/kin': declared(tree), 'libkin.so': exported(tree)}
    for name in sorted(set.union(*places.values())):
        missing = [place for place, holds in places.items() if name not in holds]
        if missing:
            yield f'{name}: missing in {" and ".join(missing)}'


def library_needs_libc_only(tree):
    told = output_of('readelf', '-dW', tree.build / 'src/libkin.so')
    if 'SONAME' not in told:
        yield 'libkin.so: is not there'
    for name in re.findall(r'\(NEEDED\).*\[(.*)\]', told):
        if not LIBC.fullmatch(name):
            yield f'libkin.so: needs {name}'


def object_symbols(tree):
    """(object, symbol, class, type, section) of everything in libkin.a."""
    member = ''
    for line in output_of('nm', '--format=sysv', tree.build / 'src/libkin.a').splitlines():
        if found := re.match(r'(?:Undefined s|S)ymbols from .*\[(.*?)\.o\]', line):
            member = found[1]
        columns = [column.strip() for column in line.split('|')]
        if len(columns) == 7:
            yield member, columns[0], columns[2], columns[3], columns[6]


def no_writable_globals(tree):
    permitted = set(PERMITTED)
    for member, symbol, kind, what, section in object_symbols(tree):
        if kind not in 'bBdDC' or what == 'TLS' or section.startswith('.data.rel.ro'):
            continue
        name = (member, symbol.split('.')[0])
        if name not in PERMITTED:
            yield f'{member}: {symbol} is writable and shared by all threads'
        permitted.discard(name)
    for member, symbol in sorted(permitted):
        yield f'{member}: {symbol} is permitted in tests/house/built_rules.py, and is no more'


def calls_go_downward(tree):
    """An #include is not the only way up: a declaration in a public header will do."""
    symbols = [(member.split('_')[0], name, kind) for member, name, kind, _, _ in object_symbols(tree)]
    home = {name: room for room, name, kind in symbols if kind in 'TDBRV'}
    settlers = set(re.findall(r'\b\w+_\w+\b', ' '.join(re.findall(r'^KIND\((.*)\)', tree.text('src/holds.def'),
                                                                 re.MULTILINE))))
    for room, name, kind in sorted(set(symbols)):
        above = kind == 'U' and name in home and home[name] not in [room, *STANDS_ON.get(room, [])]
        if above and name not in settlers:
            yield f'{room}: calls {name} of {home[name]}, which stands above or beside it'


RULES = [
    headers_compile_alone, exports_are_the_map, library_needs_libc_only, no_writable_globals, calls_go_downward,
]
