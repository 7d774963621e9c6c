"""`python -m tests.chaos`."""

import sys
from pathlib import Path
from tests.chaos.run import run_schedule, keep_evidence
from tests.chaos.schedule import draw
from tests.chaos.stack import ChaosStack
import time

seed=int(sys.argv[1]); n=int(sys.argv[2])
t=time.monotonic()
stack = ChaosStack()
try:
    stack.start()
    print("started", time.monotonic()-t, flush=True)
    earlier=[]
    for s in range(seed, seed+n):
        sch = draw(s); print(sch, flush=True)
        r = run_schedule(stack, sch, earlier=earlier)
        print(r.kills, r.statuses, r.payments, r.refunds, r.events, "quiet", r.quiet_after, "oldest", r.oldest_due, "death", max(r.answered_after_death,default=0), "back", max(r.answered_after_return, default=0))
        for v in r.violations[:20]: print("  !!", v)
        print("  incidents", [n for _,n in stack.incidents.deaths])
        if r.violations:
            keep_evidence(stack, sch, r, directory=Path("/tmp/chaos-evidence"))
            break
finally:
    stack.close()
