"""What the generated pages have in common."""

GENERATED = "Written by `billing reference --write` from the code; change it there."


def cell(text: str) -> str:
    """Return `text` as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
