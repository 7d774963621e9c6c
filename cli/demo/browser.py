"""The customer's browser in the story: confirms with Stripe's publishable key, and completes the 3D Secure page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from cli.demo.exchange import TIMEOUT_SECONDS, Exchange, json_object


class PageNotUnderstood(Exception):
    """The 3D Secure page has no form with the button that was looked for."""


@dataclass(kw_only=True)
class Form:
    """A form of a page: where it is sent, its fields, and the texts of its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class FormReader(HTMLParser):
    """Collects the forms of a page: named inputs with their values, and buttons by their text."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._button: tuple[str, str] | None = None
        self._in_button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a form, an input or a button."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(action=attributes.get("action", "")))
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
        elif tag == "button":
            self._in_button = True
            self._button = (attributes["name"], attributes.get("value", "")) if attributes.get("name") else None

    def handle_data(self, data: str) -> None:
        """Take note of a button's text."""
        if self._in_button and self.forms and data.strip():
            self.forms[-1].buttons[data.strip()] = self._button

    def handle_endtag(self, tag: str) -> None:
        """Take note of a button's end."""
        if tag == "button":
            self._in_button = False


class Browser:
    """What the customer's browser does; it knows the publishable key, never the secret one."""

    def __init__(self, *, stripe_url: str, publishable_key: str) -> None:
        self._stripe_url = stripe_url
        self._publishable_key = publishable_key
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)

    def confirm_setup(self, *, client_secret: str, payment_method: str, return_url: str) -> Exchange:
        """Confirm a setup intent at Stripe, as Stripe.js does with the client secret."""
        setup_intent = client_secret.partition("_secret_")[0]
        path = f"/v1/setup_intents/{setup_intent}/confirm"
        form = {"client_secret": client_secret, "payment_method": payment_method, "return_url": return_url}
        response = self._client.post(
            f"{self._stripe_url}{path}", data=form, headers={"Authorization": f"Bearer {self._publishable_key}"}
        )
        shown = {"payment_method": payment_method}
        return Exchange(
            method="POST", url=f"stripe{path}", body=shown, status=response.status_code, answer=json_object(response)
        )

    def press(self, *, button: str, url: str) -> Exchange:
        """Open a page and press one of its buttons. Raises PageNotUnderstood.

        The answer's `location` is where the page sends the browser afterwards.
        """
        page = self._client.get(url)
        reader = FormReader()
        reader.feed(page.text)
        form = next((form for form in reader.forms if button in form.buttons), None)
        if form is None:
            raise PageNotUnderstood(
                f"the page at {url} (status {page.status_code}) has no form with a button {button!r}"
            )
        fields = dict(form.fields)
        pressed = form.buttons[button]
        if pressed is not None:
            fields[pressed[0]] = pressed[1]
        response = self._client.post(urljoin(url, form.action), data=fields)
        # The client secret in the addresses' queries is nobody's business.
        answer = {"location": _without_query(response.headers.get("location", ""))}
        return Exchange(
            method="POST", url=_without_query(url), body={"button": button}, status=response.status_code, answer=answer
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _without_query(url: str) -> str:
    return url.partition("?")[0]
