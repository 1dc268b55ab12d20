"""Copy the front-end files that we serve from frontend/node_modules to static/vendor, without unused icons and styles.

Run `python tools/vendor.py` after a version in frontend/package.json, or the icons or Tabler classes in use have
changed. The result is committed, so that neither installing nor running the product needs Node.js.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
MODULES = FRONTEND / "node_modules"
VENDOR = ROOT / "static" / "vendor"
ALPINE = ROOT / "static/unfold/js/alpine/alpine.js"  # instead of Unfold's, which needs 'unsafe-eval'
SOURCE_MAP = re.compile(rb"\s*(?://[#@] sourceMappingURL=[^\n]*|/\*[#@] sourceMappingURL=[^*]*\*/)\s*$")
CLASSES = FRONTEND / "tabler-classes.json"  # the classes of Tabler that we serve, and those that we leave out
CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
WORD = re.compile(r"[A-Za-z0-9_-]+")
QUOTED = re.compile(r"""([\"'`])((?:(?!\1)[^\\\n]|\\.)*)\1""")
CODE_FOLDERS = ("cpms", "accounts", "chargers", "sessions", "operations", "maintenance")
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
    folders = ("templates", *CODE_FOLDERS)
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


def words_in_use() -> set[str]:
    """Return every word that may be the name of a CSS class: those of templates, and of texts in our code."""
    code = [path for folder in CODE_FOLDERS for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
    forms = Path(str(resources.files("crispy_bootstrap5"))) / "templates"
    templates = [path for folder in (ROOT / "templates", forms) for path in folder.rglob("*.html")]
    texts = [path.read_text(encoding="utf-8") for path in (*templates, VENDOR / "tabler/tabler.min.js")]
    for path in (*code, *(ROOT / "static/js").glob("*.js")):
        texts += [match.group(2) for match in QUOTED.finditer(path.read_text(encoding="utf-8"))]
    return {word for text in texts for word in WORD.findall(text)}


def cut_style(style: bytes) -> bytes:
    """Return Tabler's style without the rules of classes that nothing uses, and write down which those are.

    Parsing six times as many rules as are used took a browser a third of the time that a page needs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tabler.min.css").write_bytes(style)
        (folder / "words.txt").write_text(" ".join(sorted(words_in_use())))
        purge = [str(MODULES / ".bin/purgecss"), "--css", "tabler.min.css", "--content", "words.txt", "--output", "."]
        subprocess.run(purge, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        cut = (folder / "tabler.min.css").read_bytes()
    classes = set(CLASS.findall(style.decode()))
    served = classes & words_in_use()
    CLASSES.write_text(json.dumps({"served": sorted(served), "left_out": sorted(classes - served)}, indent=0) + "\n")
    return cut


def vendor() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    manifest = []
    for package, (folder, names, licence) in PACKAGES.items():
        source, target = MODULES / package, VENDOR / folder
        target.mkdir(parents=True)
        metadata = json.loads((source / "package.json").read_text())
        contents = {Path(name).name: SOURCE_MAP.sub(b"\n", (source / name).read_bytes()) for name in names}
        if folder == "tabler":
            (target / "tabler.min.js").write_bytes(contents["tabler.min.js"])  # its classes are in use, too
            contents["tabler.min.css"] = cut_style(contents["tabler.min.css"])
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
