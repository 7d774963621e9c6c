"""The chapter of credits: bought, used, held, sent, used up, topped up, and safe from a server that is killed."""

import time
from uuid import uuid4

from billing.clock import utc_now
from billing.credits.checks import CHECKS
from billing.credits.verify import compare_with_server
from billing.ledger.checks import CHECKS as LEDGER_CHECKS
from billing.ledger.verify import verify
from cli.database import command_runtime
from cli.demo.payments_chapter import CARD_WITHOUT_FUNDS
from cli.demo.scene import Scene, Step, StoryBroken, require
from cli.demo.telling import tell_exchange, tell_remark
from local.control import UnknownProcess, kill_process

CREDITS_SERVER = "valkey-credits"
_BACK_SECONDS_MAX = 30.0
_PAUSE_SECONDS = 0.2


def buy(scene: Scene) -> None:
    """Money becomes credits, once; a card without money buys none."""
    wish = {"customer_id": scene.customer_id, "amount": 500}
    bought = scene.post("/credits/purchase", {**wish, "payment_method": scene.payment_method}, expected=201)
    require(bought["status"], equals="completed", what="the purchase's status")
    scene.post("/credits/purchase", {**wish, "payment_method": CARD_WITHOUT_FUNDS}, expected=402)
    balance = scene.get("/credits/balance", customer_id=scene.customer_id)
    require(balance["balance"], equals=500, what="the balance")


def use(scene: Scene) -> None:
    """Credits are used, held for work whose cost is not known yet, and sent to somebody else."""
    terms = {"customer_id": scene.customer_id}
    used = scene.post("/credits/deduct", {**terms, "amount": 30, "operation": "ai.generate"}, expected=200)
    require(used["balance"], equals=470, what="the balance after the use")
    held = scene.post("/credits/holds", {**terms, "amount": 50, "operation": "ai.render"}, expected=201)
    require(held["balance"], equals=420, what="what can be spent beside the hold")
    ended = scene.post(f"/credits/holds/{held['hold_id']}/capture", {"amount": 35}, expected=200)
    require(ended["balance"], equals=435, what="the balance after the capture")
    friend = scene.post("/customers", {"email": "charles@example.com", "name": "Charles Babbage"}, expected=201)
    sent = {"from_customer_id": scene.customer_id, "to_customer_id": friend["id"], "amount": 15}
    scene.post("/credits/transfer", sent, expected=200)
    received = scene.get("/credits/balance", customer_id=friend["id"])
    require(received["balance"], equals=15, what="the friend's balance")


def run_out(scene: Scene) -> None:
    """What is not there cannot be used; what is bought can."""
    wish = {"customer_id": scene.customer_id, "amount": 600, "operation": "ai.train"}
    refused = scene.post("/credits/deduct", wish, expected=402)
    require(refused["code"], equals="insufficient_credits", what="the problem's code")
    top_up = {"customer_id": scene.customer_id, "amount": 500, "payment_method": scene.payment_method}
    scene.post("/credits/purchase", top_up, expected=201)
    used = scene.post("/credits/deduct", wish, expected=200)
    require(used["balance"], equals=320, what="the balance after the use")


def lose_the_server(scene: Scene) -> None:
    """The server that holds the balances is killed; what was answered stays, and the same request is answered again."""
    try:
        kill_process(data_dir=scene.data_dir, name=CREDITS_SERVER)
    except UnknownProcess:
        tell_remark("the credits server is not one of this stack's own: it is left alone")
        return
    tell_remark(f"{CREDITS_SERVER} is killed")
    wish = {"customer_id": scene.customer_id, "amount": 20, "operation": "ai.generate"}
    key, refusals, began = str(uuid4()), 0, time.monotonic()
    while True:
        exchange = scene.api.post("/credits/deduct", wish, key=key)
        if exchange.status != 503:
            break
        if time.monotonic() - began > _BACK_SECONDS_MAX:
            raise StoryBroken(f"the credits server was not back within {_BACK_SECONDS_MAX:.0f} s")
        refusals += 1
        time.sleep(_PAUSE_SECONDS)
    tell_remark(f"{refusals} answers of 503, then, after {time.monotonic() - began:.1f} s and under the same key:")
    tell_exchange(exchange)
    require(exchange.answer["balance"], equals=300, what="the balance after the use")
    again = scene.checked(scene.api.post("/credits/deduct", wish, key=key), expected=200)
    require(again["id"], equals=exchange.answer["id"], what="the transaction of the repeated request")


def prove_it(scene: Scene) -> None:
    """Every balance on the server is the ledger's, and the ledger is whole: what `billing credits verify` does."""
    runtime = command_runtime(data_dir=scene.data_dir.path)
    try:
        shards = list(compare_with_server(runtime, now=utc_now))
        rules = 0
        for checks in (CHECKS, LEDGER_CHECKS):
            with runtime.transaction() as session:
                for verdict in verify(session, checks=checks):
                    require(len(verdict.violations), equals=0, what=f"what breaks the rule that {verdict.check.rule}")
                    rules += 1
    finally:
        runtime.close()
    require(sum(len(shard.differences) for shard in shards), equals=0, what="the number of differences")
    tell_remark(f"{sum(shard.accounts for shard in shards)} accounts are what the ledger says, and {rules} rules hold")


STEPS = (
    Step(title="Credits are bought", run=buy),
    Step(title="Credits are used, held and sent", run=use),
    Step(title="Credits run out, and are topped up", run=run_out),
    Step(title="The credits server is killed", run=lose_the_server),
    Step(title="The books prove it", run=prove_it),
)
