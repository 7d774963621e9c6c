from app.json_pointer import json_pointer


def test_names_and_indices_are_joined_and_escaped() -> None:
    assert json_pointer([]) == ""
    assert json_pointer(["address", "line1"]) == "/address/line1"
    assert json_pointer(["lines", 0]) == "/lines/0"
    assert json_pointer(["a/b", "c~d", "~1", ""]) == "/a~1b/c~0d/~01/"
