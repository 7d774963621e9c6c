"""`billing demo`: tell the story against the running stack."""

import time
from contextlib import closing

import httpx
import typer

from cli.demo import credits_chapter, payments_chapter, subscriptions_chapter, usage_chapter
from cli.demo.browser import Browser, PageNotUnderstood
from cli.demo.exchange import ServiceApi
from cli.demo.inbox import WebhookInbox, WebhookMissing
from cli.demo.receiver import EventMissing
from cli.demo.scene import Scene, Step, StoryBroken
from cli.demo.telling import tell_failure, tell_success, tell_summary, tell_title
from cli.exit_codes import ExitCode
from cli.failures import CommandFailure
from cli.options import DEFAULT_DATA_DIR, DataDirOption
from local.data_dir import DataDir
from local.stack_file import StackFile, running_stack

# Each capability of the service adds a chapter.
STORY = (*payments_chapter.STEPS, *credits_chapter.STEPS, *usage_chapter.STEPS, *subscriptions_chapter.STEPS)
app = typer.Typer(add_completion=False)


@app.command(epilog="Example: billing demo")
def demo(*, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Tell the demo story: payments, 3D Secure, a decline, a refund, a dispute, webhooks, credits, a killed server, usage.

    At its end half a year of a subscription passes on a test clock, and an invoice is taken back in part. Each step shows the
    request, the answer and the webhook that came back. Exit code 1 when a step fails.
    """
    stack = running_stack(data_dir=DataDir(data_dir.resolve()))
    if stack.stripe_api_base is None:
        raise CommandFailure(
            "the story needs the Stripe sandbox, and this stack uses Stripe itself",
            mend="unset STRIPE_SECRET_KEY, then billing up",
            exit_code=ExitCode.CONFIGURATION,
        )
    if not tell(stack, stripe_url=stack.stripe_api_base, data_dir=DataDir(data_dir.resolve())):
        raise typer.Exit(ExitCode.FAILED)


def tell(stack: StackFile, *, stripe_url: str, data_dir: DataDir) -> bool:
    """Tell the story and say whether all of its steps went through; it ends with the first that does not."""
    began = time.monotonic()
    with (
        closing(ServiceApi(api_url=stack.api_url, api_key=stack.api_key)) as api,
        closing(Browser(stripe_url=stripe_url, publishable_key=stack.stripe_publishable_key)) as browser,
    ):
        scene = Scene(
            api=api,
            data_dir=data_dir,
            browser=browser,
            inbox=WebhookInbox(api=api),
            return_url=f"{stack.api_url}/health",
        )
        done = 0
        for number, step in enumerate(STORY, start=1):
            if not _tell_step(step, number=number, scene=scene):
                break
            done = number
    tell_summary(done=done, of=len(STORY), seconds=time.monotonic() - began)
    return done == len(STORY)


def _tell_step(step: Step, *, number: int, scene: Scene) -> bool:
    tell_title(number=number, title=step.title)
    began = time.monotonic()
    try:
        step.run(scene)
    except (StoryBroken, WebhookMissing, EventMissing, PageNotUnderstood) as reason:
        tell_failure(str(reason))
    except KeyError as missing:
        tell_failure(f"the answer has no field {missing}")
    except httpx.HTTPError as fault:
        tell_failure(f"no answer: {fault}")
    else:
        tell_success(seconds=time.monotonic() - began)
        return True
    return False
