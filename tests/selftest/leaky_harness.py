#!/usr/bin/env python3
"""A harness that leaves a process behind when it is killed: killed_harness.py must find it.

Called like mirrorlab. The first run ends by itself at once, so that the length of a run is known.
"""
import os
import subprocess
import sys

out = sys.argv[sys.argv.index("--out") + 1]
flag = out + ".leaky"
if not os.path.exists(flag):
    open(flag, "w").close()
    subprocess.run(["sleep", "0.2"], check=True)
    sys.exit(0)
os.remove(flag)
# The orphan carries the run's directory in its command line, as every process of a run does. It ends
# by itself, after the search for it has given up.
subprocess.run([sys.executable, "-c",
                "import subprocess, sys; subprocess.Popen([sys.executable, '-c',"
                "'import time; time.sleep(15)', sys.argv[1]], start_new_session=True)", out],
               check=True)
subprocess.run(["sleep", "5"], check=True)
