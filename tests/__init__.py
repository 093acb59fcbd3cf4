import os
import sys

# Dozens of tests start the bot as a process. Where bytecode isn't kept, as in many containers, each
# of them compiles all of the bot first, which takes as long as the rest of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
