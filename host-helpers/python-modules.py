# SPDX-License-Identifier: MIT
"""Tells where a Python interpreter has its modules, and which of them programs import.

python-modules.py DIRECTORY [FILE...]

DIRECTORY is where the programs look first. The answer is a line of JSON: `prefix`, `base`, `library` and `path` as the
interpreter has them, and `modules`, the files of what FILEs import, in the order of their names. Files are compiled and
not executed, so what is imported by a computed name is not among them.
"""

import json
import modulefinder
import sys
import sysconfig


def imported(directory, files):
    finder = modulefinder.ModuleFinder([directory, *sys.path])
    for file in files:
        try:
            finder.run_script(file)
        except Exception:
            pass  # A file that is wrong says so when it is started; some that are right, this finder cannot follow.
    return sorted({module.__file__ for module in finder.modules.values() if module.__file__})


def main(directory, *files):
    # This file's own directory is not the program's.
    sys.path.pop(0)
    answer = {
        "prefix": sys.prefix,
        "base": sys.base_prefix,
        "library": sysconfig.get_path("stdlib"),
        "path": [entry for entry in sys.path if entry],
        "modules": imported(directory, files) if files else [],
    }
    print(json.dumps(answer))


main(*sys.argv[1:])
