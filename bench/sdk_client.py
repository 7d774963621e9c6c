"""The floor of payments: the SDK alone, in as many threads, against the same sandbox.

`python -m bench.sdk_client BASE KEY SECONDS THREADS` prints how many payments were settled, and in how many seconds.
"""

import sys
import threading
import time
import uuid

import stripe

PAYMENT = {
    "amount": 2900,
    "currency": "usd",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "automatic_payment_methods": {"enabled": "true", "allow_redirects": "never"},
}


def main() -> None:
    """Pay until the time is up."""
    base, key, seconds, threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    client = stripe.StripeClient(key, base_addresses={"api": base}, http_client=stripe.RequestsClient(timeout=20))
    settled: list[int] = []
    started = time.monotonic()

    def pay() -> None:
        count = 0
        customer = client.v1.customers.create({"email": "bench@example.com"}).id
        while time.monotonic() < started + seconds:
            params = {**PAYMENT, "customer": customer}
            intent = client.v1.payment_intents.create(params, {"idempotency_key": str(uuid.uuid4())})  # type: ignore[arg-type]  # the SDK's own types of parameters
            count += intent.status == "succeeded"
        settled.append(count)

    workers = [threading.Thread(target=pay) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(sum(settled), time.monotonic() - started)


if __name__ == "__main__":
    main()
