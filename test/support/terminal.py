# SPDX-License-Identifier: MIT
"""Runs a command in a terminal of its own, and types what it is told to.

Arguments: the steps as JSON, then the command. A step is {"wait": regular expression}, {"type": text} or
{"resize": [rows, columns]}. Prints what the terminal showed, and exits with the command's status. A text that does not
come within two minutes ends the command.
"""
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time

steps, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def read(seconds):
    """What comes next; None at the end."""
    if not select.select([terminal], [], [], seconds)[0]:
        return b""
    try:
        return os.read(terminal, 65536) or None
    except OSError:
        return None


resize(30, 100)
shown, seen, over = b"", 0, False
for step in steps:
    if "type" in step:
        os.write(terminal, step["type"].encode())
    if "resize" in step:
        resize(*step["resize"])
    if "wait" in step:
        limit = time.monotonic() + 120
        while not over:
            found = re.compile(step["wait"].encode()).search(shown, seen)
            if found:
                seen = found.end()
                break
            if time.monotonic() > limit:
                os.kill(pid, signal.SIGTERM)
                sys.stdout.buffer.write(shown + b"\n[not seen: " + step["wait"].encode() + b"]\n")
                sys.exit(124)
            piece = read(1)
            over = piece is None
            shown += piece or b""
while not over:
    piece = read(1)
    over = piece is None
    shown += piece or b""
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xff)
