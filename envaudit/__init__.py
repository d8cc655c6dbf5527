"""envaudit links a Python environment: it names every need of a distribution that nothing installed can meet."""

import time

__version__ = "0.1.0"

LOADED = time.time_ns()  # what the files of the program say after this moment need not be what runs
