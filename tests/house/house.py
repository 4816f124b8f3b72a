#!/usr/bin/env -S python3 -B
"""house.py ROOT BUILD: holds the tree against the rules of the house, one TAP case a rule."""
import sys

import built_rules
import manual_rules
import text_rules
from tree import Tree


def main():
    tree = Tree(sys.argv[1], sys.argv[2])
    rules = text_rules.RULES + manual_rules.RULES + built_rules.RULES
    failed = 0
    print(f'1..{len(rules)}')
    for number, rule in enumerate(rules, 1):
        complaints = list(dict.fromkeys(rule(tree)))
        failed += bool(complaints)
        print(f'{"not ok" if complaints else "ok"} {number} - {rule.__name__.replace("_", " ")}')
        for complaint in complaints:
            print(f'# {complaint}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
