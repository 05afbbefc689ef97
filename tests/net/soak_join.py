"""Joins with sudden deaths of either side at random moments: soak_join.py [ROUNDS [ACCOUNTS [SEED]]]"""

import pathlib
import random
import sys
import tempfile

from joining import rounds


def main():
    words = [int(word) for word in sys.argv[1:]]
    n, accounts, seed = words + [100, 20000, random.randrange(1 << 32)][len(words):]
    print(f"rounds={n} accounts={accounts} seed={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="godwit-join-") as folder:
        rounds(pathlib.Path(folder), n, accounts, seed, 1.5, lambda number: print(f"round {number + 1} is right", flush=True))


main()
