# SPDX-License-Identifier: MIT
"""Eight threads, each with a digest of its own."""
import hashlib
import threading

digests = {}


def digest(number):
    digests[number] = hashlib.sha256(str(number).encode() * 10000).hexdigest()


threads = [threading.Thread(target=digest, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("\n".join(digests[number] for number in range(8)))
