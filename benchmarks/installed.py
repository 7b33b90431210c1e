"""What installing a package puts on the disk: it and all that it requires."""

import json
from importlib.metadata import Distribution, distribution
from pathlib import Path


def installed_mb(package: str) -> float:
    """MB of the files of a package and of all that it requires, as installed where this interpreter runs.

    What else shares the environment does not count. Extras do where they are asked for: "darts[torch]".
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    sizes, seen, waiting = {}, set(), [Requirement(package)]
    while waiting:
        required = waiting.pop()
        name = canonicalize_name(required.name)
        for extra in {"", *required.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            found = distribution(name)
            sizes[name] = _size(found)
            below = map(Requirement, found.requires or ())
            waiting += [one for one in below if one.marker is None or one.marker.evaluate({"extra": extra})]
    return sum(sizes.values()) / 1e6


def _size(found: Distribution) -> int:
    """Bytes of one package; of an editable one those of its folder in the checkout."""
    files = [Path(found.locate_file(file)) for file in found.files or ()]
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        folder = Path(origin["url"].removeprefix("file://")) / found.metadata["Name"]
        files += [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return sum(path.stat().st_size for path in files if path.is_file())
