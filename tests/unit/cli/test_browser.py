from cli.demo.browser import FormReader

PAGE = """
<form action="/elsewhere"><input name="q" value="x"><button>Search</button></form>
<form method="post" action="/3ds/pi_1">
  <input type="hidden" name="token" value="abc">
  <button type="submit" name="outcome" value="complete"> Complete </button>
  <button type="submit" name="outcome" value="fail">Fail</button>
</form>
"""


def test_a_page_is_read_as_a_browser_reads_it() -> None:
    reader = FormReader()

    reader.feed(PAGE)

    search, bank = reader.forms
    assert search.buttons == {"Search": None}
    assert bank.action == "/3ds/pi_1"
    assert bank.fields == {"token": "abc"}
    assert bank.buttons == {"Complete": ("outcome", "complete"), "Fail": ("outcome", "fail")}
