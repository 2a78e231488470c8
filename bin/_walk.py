"""Import every module of the program with the interpreter that runs this: a missing run-time pin shows here.

Run by bin/test with the interpreter of .venv, which holds the run-time packages and no tools.
"""

import importlib
import pkgutil
import sys


def main() -> int:
    """Import all of demod_voice and demod_worker; 1 when a module could not be imported."""
    faults = []
    for name in ("demod_voice", "demod_worker"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if module.name.endswith("__main__") or "._backends" in module.name:
                continue
            try:
                importlib.import_module(module.name)
            except ImportError as error:
                faults.append(f"{module.name}: {error}")
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
