"""Packs for schemathesis to upload: it makes what a schema describes, and no schema describes a pack."""

import gzip
import io
import tarfile

import schemathesis
from hypothesis import strategies


def archive(name: str, patch: int, description: str) -> bytes:
    manifest = f"name: {name}\nversion: 1.0.{patch}\ndescription: {description}\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("pack.yaml")
        entry.size = len(manifest)
        tar.addfile(entry, io.BytesIO(manifest))
    return gzip.compress(packed.getvalue(), mtime=0)


# Few enough of each that the same pack comes again (200), and another of its name and version (409).
packs = strategies.builds(
    archive,
    strategies.sampled_from(["alpha", "beta", "gamma"]),
    strategies.integers(0, 20),
    strategies.sampled_from(["One", "Another"]),
)
schemathesis.openapi.media_type("application/gzip", packs)


@schemathesis.hook
def filter_case(context, case):
    """Nor does a schema know which uploads were begun and sent: an id that is made up is refused, be it well-formed."""
    return not (isinstance(case.body, dict) and "upload_id" in case.body)
