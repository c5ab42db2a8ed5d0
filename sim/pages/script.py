"""The script that draws charts: Vega-Lite's own, whole, so that a page asks no network for it."""

from functools import cache

from sim.errors import needs


@cache
def vega() -> str:
    """Take Vega, Vega-Lite and their embedding as one script. Errors: InputError without them."""
    needs("vl_convert", "report")
    import vl_convert  # noqa: PLC0415

    return vl_convert.javascript_bundle().replace("</script", r"<\/script")
