"""Rules on the manual: what it names is there, what is there it names. Each takes a Tree and gives its complaints."""
import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / 'man'))
import page as manual

# What the texts on multi-process programming describe: kin-textbook(7) has a section for each, with an example.
ROWS = [
    'fork', 'exec', 'wait', 'zombies', 'signals sent', 'signals handled', 'signal masks', 'real-time signals', 'pipe',
    'FIFO', 'socketpair', 'Unix sockets', 'descriptor passing', 'file locks', 'keys', 'System V queues',
    'System V semaphores', 'System V memory', 'listing, removal', 'POSIX queues', 'POSIX semaphores', 'POSIX memory',
    'mutex, condition',
]
TEXTBOOK = 'man/kin-textbook.7.scd'
NO_PAGE_OF_ITS_OWN = ['base', 'kin']  # kin(3) is about both
BLOCK = re.compile(r'^```\n(.*?)^```', re.MULTILINE | re.DOTALL)


def pages(tree):
    return tree.matching(r'man/[\w.-]+\.scd')


def page_names(tree):
    """kin_queue.3 and so on: those with a source, and those that are links to one."""
    links = re.findall(r"'(\w+)': '\w+'", tree.text('man/meson.build'))
    return {path[len('man/'):-len('.scd')] for path in pages(tree)} | {f'kin_{noun}.3' for noun in links}


def words(tree):
    """All names that begin with kin_ or KIN_ in the public headers, and the variables that the command knows."""
    texts = [tree.text(path) for path in tree.public_headers + tree.matching(r'cli/.*\.c')]
    return set(re.findall(r'\b(?:kin|KIN)_\w+', '\n'.join(texts)))


def synopses(tree):
    """The headers that a page prints the declarations of."""
    return {name for path in pages(tree) for name in re.findall(r'^@synopsis (\S+)@$', tree.text(path), re.MULTILINE)}


def every_header_has_a_page(tree):
    printed, names = synopses(tree), page_names(tree)
    for path in tree.public_headers:
        noun = path.split('/')[-1][:-2]
        if not names & {f'kin_{noun}.3', f'kin-{noun}.3'} and noun not in NO_PAGE_OF_ITS_OWN:
            yield f'{path}: there is no page kin_{noun}(3), and no link of that name in man/meson.build'
        if path.startswith('include/') and noun != 'kin' and f'{noun}.h' not in printed:
            yield f'{path}: no page has @synopsis {noun}.h@, so its functions are in no manual'


def every_function_is_explained(tree):
    """By its comment in the header, where a page has @functions of that, or by the page's own words."""
    for path in pages(tree):
        text = tree.text(path)
        explained = [entry for name in re.findall(r'^@functions (\S+)@$', text, re.MULTILINE)
                     for entry in manual.explained(tree.text(f'include/kin/{name}'))]
        said = text + '\n'.join(explained)
        for header in re.findall(r'^@synopsis (\S+)@$', text, re.MULTILINE):
            for line in manual.declarations(tree.text(f'include/kin/{header}')):
                if f'*{manual.function(line)}*' not in said:
                    yield f'{path}: says nothing of {manual.function(line)}'


def every_header_is_in_the_readme(tree):
    table = re.findall(r'\[kin/\w+\.h\]\(([\w/]+\.h)\)', tree.text('README.md'))
    for path in tree.public_headers:
        if path.split('/')[-1] not in ('base.h', 'kin.h') and table.count(path) != 1:
            yield f'README.md: {path} is {table.count(path)} times in the table of headers'
    for path in table:
        if path not in tree.files:
            yield f'README.md: there is no {path}'


def the_manual_names_what_there_is(tree):
    known, names = words(tree), page_names(tree)
    commands = {row.split('\t')[3] for row in tree.lines('cli/commands.tsv') if row.startswith('command\t')}
    for path in pages(tree):
        text = tree.text(path)
        for name in re.findall(r'\b(?:kin|KIN)_\w*[a-zA-Z0-9]', text):
            if name not in known and f'{name}.3' not in names and not any(w.startswith(name + '_') for w in known):
                yield f'{path}: there is no {name}'
        for name, section in re.findall(r'\*(kin[\w-]*)\*\((\d)\)', text):
            if f'{name}.{section}' not in names and not (section == '3' and name in known):
                yield f'{path}: there is no page {name}({section})'
        for place in re.findall(r'(?<![a-z/])(?:examples|tests|docs)/[\w./-]*[a-zA-Z0-9]', text):
            if place not in tree.files:
                yield f'{path}: there is no {place}'
        said = ' '.join([*re.findall(r'\*(kin [^*]+)\*', text), *(BLOCK.findall(text) if '(1)' in text[:20] else [])])
        for command in re.findall(r'\bkin (mk \w+|[a-z]+)', said):
            if command not in commands:
                yield f'{path}: there is no command kin {command}'


def the_textbook_has_every_row(tree):
    text, run = tree.text(TEXTBOOK), tree.text('examples/meson.build')
    sections = dict(re.findall(r'^## ([^\n]*)\n(.*?)(?=^#|\Z)', text, re.MULTILINE | re.DOTALL))
    for row in ROWS:
        if row not in sections:
            yield f'{TEXTBOOK}: has no section "{row}"'
            continue
        examples = re.findall(r'_(examples/([\w-]+)\.\w+)_', sections[row])
        if not examples:
            yield f'{TEXTBOOK}: "{row}" has no example'
        for path, name in examples:
            if path not in tree.files or f"'{name}'" not in run:
                yield f'{TEXTBOOK}: "{row}" has {path}, which is not there, or not run by examples/meson.build'


RULES = [
    every_header_has_a_page, every_function_is_explained, every_header_is_in_the_readme,
    the_manual_names_what_there_is, the_textbook_has_every_row,
]
