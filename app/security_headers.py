"""What every answer tells a browser: to run nothing of it, and, for the pages, to load from this server only."""

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    # A browser takes this to heart over HTTPS only, so it does no harm on a local HTTP port.
    "Strict-Transport-Security": "max-age=31536000",
}
API_HEADERS = {
    **_COMMON,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
# Swagger UI draws its icons as data: images; everything else comes from here, and nothing stands inline.
PAGE_HEADERS = {
    **_COMMON,
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
}
