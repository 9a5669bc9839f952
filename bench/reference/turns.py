"""What every runner shares: say ready, then answer each line read with one measurement."""
import json
import sys


def take_turns(measure, **facts):
    """measure() -> float, called once for each line of standard input."""
    print(json.dumps({'ready': True, **facts}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({'value': measure()}), flush=True)
