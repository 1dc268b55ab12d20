"""Copy the front-end files that we serve from frontend/node_modules to static/vendor, with only the icons in use.

Run `make vendor` after a version in frontend/package.json or the set of icons has changed. The result is committed, so
that neither installing nor running the product needs Node.js.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
MODULES = FRONTEND / "node_modules"
VENDOR = ROOT / "static" / "vendor"
ALPINE = ROOT / "static/unfold/js/alpine/alpine.js"  # instead of Unfold's, which needs 'unsafe-eval'
SOURCE_MAP = re.compile(rb"\s*(?://[#@] sourceMappingURL=[^\n]*|/\*[#@] sourceMappingURL=[^*]*\*/)\s*$")
ICON_IN_USE = re.compile(r"""\bicon(?:=|\s|\()["']([a-z][a-z0-9-]*)["']""")
MIT = """MIT License

{}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
TABLER = "Copyright (c) 2018-2026 The Tabler Authors"
# package: (folder under static/vendor, files, licence file or, if the package has none, the MIT copyright line)
PACKAGES: dict[str, tuple[str, list[str], str]] = {
    "@alpinejs/csp": ("alpine", ["dist/cdn.min.js"], "Copyright (c) 2019-2021 Caleb Porzio and contributors"),
    "@tabler/core": ("tabler", ["dist/css/tabler.min.css", "dist/js/tabler.min.js"], TABLER),
    "@fontsource-variable/inter": (
        "inter",
        ["files/inter-latin-wght-normal.woff2", "files/inter-latin-ext-wght-normal.woff2"],
        "LICENSE",
    ),
    "echarts": ("echarts", ["dist/echarts.common.min.js"], "LICENSE"),
    "@tabler/icons-sprite": ("icons", [], "LICENSE"),
}


def icons_in_use() -> set[str]:
    """Return the names of all icons that templates and Python code use."""
    folders = ["templates", "cpms", "accounts", "chargers", "sessions", "operations", "maintenance"]
    files = [path for folder in folders for kind in ("*.html", "*.py") for path in (ROOT / folder).rglob(kind)]
    return {name for path in files for name in ICON_IN_USE.findall(path.read_text(encoding="utf-8"))}


def icons_in_sprite(sprite: str) -> dict[str, str]:
    """Return the symbols of a sprite by name."""
    return {
        match.group(1): match.group(0)
        for match in re.finditer(r'<symbol id="tabler-([a-z0-9-]+)".*?</symbol>', sprite, re.DOTALL)
    }


def cut_sprite(names: set[str]) -> bytes:
    """Return the sprite reduced to these icons.

    Raises:
        SystemExit: an icon does not exist.
    """
    known = icons_in_sprite((MODULES / "@tabler/icons-sprite/dist/tabler-sprite.svg").read_text())
    if missing := sorted(names - known.keys()):
        raise SystemExit(f"Tabler has no icon named: {', '.join(missing)}")
    symbols = "\n".join(known[name] for name in sorted(names))
    return f'<svg xmlns="http://www.w3.org/2000/svg"><defs>\n{symbols}\n</defs></svg>\n'.encode()


def vendor() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    manifest = []
    for package, (folder, files, licence) in PACKAGES.items():
        source, target = MODULES / package, VENDOR / folder
        target.mkdir(parents=True)
        metadata = json.loads((source / "package.json").read_text())
        contents = {Path(name).name: SOURCE_MAP.sub(b"\n", (source / name).read_bytes()) for name in files}
        if folder == "icons":
            contents["sprite.svg"] = cut_sprite(icons_in_use())
        is_file = not licence.startswith("Copyright")
        contents["LICENSE"] = (source / licence).read_bytes() if is_file else MIT.format(licence).encode()
        for name, content in contents.items():
            (target / name).write_bytes(content)
        manifest.append(
            {
                "package": package,
                "version": metadata["version"],
                "licence": metadata["license"],
                "files": {
                    f"{folder}/{name}": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
                    for name, content in sorted(contents.items())
                },
            }
        )
    ALPINE.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(VENDOR / "alpine/cdn.min.js", ALPINE)
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> int:
    if not shutil.which("npm"):
        print("npm is needed to fetch the packages of frontend/package.json (Debian: apt-get install npm).")
        return 1
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FRONTEND, check=True)
    vendor()
    size = sum(path.stat().st_size for path in VENDOR.rglob("*") if path.is_file())
    print(f"static/vendor: {size / 1e6:.2f} MB, {len(icons_in_use())} icons")
    return 0


if __name__ == "__main__":
    sys.exit(main())
