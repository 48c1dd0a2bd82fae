"""Mathematics as MathML, made when the site is built: browsers draw it themselves, offline and without scripts.

Docutils turns LaTeX into MathML and says where it cannot; here it gets what it lacks of everyday LaTeX, and TeX's
spaces around the names of functions. The font is a part of STIX Two Math, which the package ziamath carries: without a
font for mathematics on the reader's machine, brackets and roots would not grow with what they enclose.
"""

from __future__ import annotations

import logging as python_logging
import re
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

FONT = "stix-two-math.woff"
CHARACTERS = (
    "20-7e,a0-17f,2c6-2dd,300-338,391-3f6,"  # Latin, accents, Greek
    "2010-2026,2032-2037,2044-2064,2070-209c,2100-214f,"  # punctuation, small digits, letters like ℝ
    "2190-22ff,27e6-27ef,27f5-27ff,2a7d-2a7e,"  # arrows, operators
    "2308-230b,239b-23b5,23dc-23e1,25a0-25ff,"  # brackets and their parts, shapes
    "1d400-1d503,1d538-1d56b,1d5a0-1d607,1d670-1d7ff"  # alphabets
)

MACROS = {
    "dots": r"\ldots",
    "dotsb": r"\cdots",
    "iff": r"\;\Longleftrightarrow\;",
    "implies": r"\;\Longrightarrow\;",
    "lt": "<",
    "gt": ">",
    "notag": "",
    "nonumber": "",
}
"""Commands that docutils does not know, in terms of those that it does."""

ENVIRONMENT = re.compile(r"\\(begin|end)\{(?:align|split|equation|gather|gathered|aligned)\*?\}")
OPERATOR = re.compile(r"\\operatorname\*?\{([^{}]*)\}")
SHORT_FRACTION = re.compile(r"\\([td]?frac)\s*([0-9A-Za-z])\s*([0-9A-Za-z])")
BIG = re.compile(r"\\(bigg?|Bigg?)\s*(?=([)\]]|\\\}|\\r[a-zA-Z]+)?)(?![a-zA-Z])")
WORDS = re.compile(r"(\\(?:text|mathrm|operatorname)\{[^{}]*\})")
OPENING, CLOSING = set("([{⟨⌊⌈"), set(")]}⟩⌋⌉")
BARS = {"|", "‖"}
APPLY = "\u2061"
THIN = "0.1667em"


def to_mathml(tex: str, *, block: bool) -> str:
    r"""LaTeX as MathML; a `MathError` says what is not understood.

    >>> to_mathml(r"\ln x", block=False)
    '<math><mi>ln</mi><mspace width="0.1667em"></mspace><mi>x</mi></math>'
    >>> to_mathml(r"\tfrac12", block=False)
    '<math><mfrac displaystyle="false" scriptlevel="0"><mn>1</mn><mn>2</mn></mfrac></math>'
    >>> to_mathml("|x|", block=False).count('stretchy="false"')
    2
    >>> to_mathml(r"\underbrace{x}_n", block=False).count("munder")
    4
    >>> to_mathml(r"\Big(x\Big)^2", block=False) == to_mathml(r"\Bigl(x\Bigr)^2", block=False)
    True
    >>> to_mathml(r"a &= b \\ &= c", block=True).count("<mtr>")
    2
    >>> to_mathml(r"\nonsense", block=False)
    Traceback (most recent call last):
        ...
    docutils.utils.math.MathError: Unknown LaTeX command "\nonsense".
    >>> to_mathml("f'", block=False)
    '<math><mrow><mi>f</mi><mo lspace="0" rspace="0">′</mo></mrow></math>'
    """
    tex = re.sub(r"\\\\\[[^\]]*\]", r"\\\\", tex.strip())  # the height of a gap between rows is the style sheet's
    tex = ENVIRONMENT.sub(r"\\\1{aligned}", tex)
    tex = OPERATOR.sub(lambda match: r"\operatorname{" + match[1].replace(r"\,", " ") + "}", tex)
    tex = BIG.sub(lambda match: rf"\{match[1]}{'r' if match[2] else 'l'}", tex)
    tex = SHORT_FRACTION.sub(r"\\\1{\2}{\3}", tex).replace(":=", r"\coloneqq ")
    tex = re.sub(r"\\([A-Za-z]+)", lambda match: MACROS.get(match[1], match[0]), tex)
    parts = WORDS.split(tex)
    # An apostrophe is a prime, but not within words.
    parts[::2] = [re.sub("'+", lambda match: "^{" + len(match[0]) * r"\prime" + "}", part) for part in parts[::2]]
    tex = "".join(parts)
    if block and r"\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{aligned}}{tex}\end{{aligned}}"
    text = tex2mathml(tex, as_block=block).replace("&ApplyFunction;", APPLY)
    math = ElementTree.fromstring(text.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1))
    for element in list(math.iter()):
        if element.tag != "mtext":
            element.text = (element.text or "").strip() or None
        if element.tag == "msqrt":
            # As high as a line, so that the sign does not hang below a small letter.
            ElementTree.SubElement(element, "mspace", width="0", height="0.72em", depth="0.1em")
        element.tail = None
        _put_label_beside_brace(element)
        _lower_primes(element)
        _shorten_bars(element)
        _enclose(element)
        _space_names(element)
    return ElementTree.tostring(math, encoding="unicode", short_empty_elements=False)


def _put_label_beside_brace(element: Element) -> None:
    """What is written as an index of a brace stands below or above it."""
    if element.tag in ("msub", "msup") and element[0].tag in ("munder", "mover") and element[0][-1].text in ("⏟", "⏞"):
        element.tag = element[0].tag


def _lower_primes(element: Element) -> None:
    """A prime is raised as it is, and would be twice as an index."""
    if element.tag == "msup" and element[1].tag in ("mi", "mrow"):
        primes = "".join(element[1].itertext()).strip()
        if primes and set(primes) == {"′"}:
            element.tag = "mrow"
            element.remove(element[1])
            ElementTree.SubElement(element, "mo", lspace="0", rspace="0").text = primes


def _shorten_bars(row: Element) -> None:
    """Bars have no space around them, and grow only where LaTeX is asked for it, which makes a row of its own."""
    paired = row.tag == "mrow" and len(row) > 1 and row[0].text in BARS and row[-1].text in BARS
    for child in row:
        if child.tag == "mo" and child.text in BARS and not (paired and child in (row[0], row[-1])):
            child.attrib |= {"stretchy": "false", "lspace": "0", "rspace": "0"}


def _enclose(row: Element) -> None:
    """What stands in brackets with an index goes into a row of its own: a bracket inside an index does not grow."""
    opened: list[int] = []
    position = 0
    while position < len(row):
        child = row[position]
        scripts = child[0] if child.tag == "mrow" and len(child) == 1 else child
        closing = scripts[0] if scripts.tag in ("msub", "msup", "msubsup") else child
        if child.tag == "mo" and child.text in OPENING:
            opened.append(position)
        elif closing.tag == "mo" and closing.text in CLOSING and opened:
            begin = opened.pop()
            if closing is not child and closing.get("stretchy") != "false":
                inside = Element("mrow")
                inside.extend([*row[begin:position], closing])
                scripts[0] = inside
                del row[begin:position]
                position = begin
        position += 1


def _space_names(row: Element) -> None:
    """TeX's thin spaces around the name of a function, except beside brackets and operators."""
    children = list(row)
    for position, child in reversed(list(enumerate(children))):
        after = children[position + 1 : position + 3]
        if _name_of(child) is None or row.tag not in ("math", "mrow", "mtd", "mstyle", "msqrt"):
            continue
        if child.tag == "mo":
            opened = bool(after) and (after[0].text or "") in "([{"
            child.set("lspace", THIN if position else "0")
            child.set("rspace", "0" if opened or not after else THIN)
            continue
        if after and after[0].text == APPLY:
            row.remove(after.pop(0))
        if after and after[0].tag != "mspace" and not (after[0].tag == "mo" and after[0].text != "−"):
            row.insert(position + 1, _thin())
        if position and children[position - 1].tag not in ("mo", "mspace"):
            row.insert(position, _thin())


def _name_of(element: Element) -> str | None:
    """The name if this is one, such as that of ln or max, perhaps with an index."""
    base = element[0] if element.tag in ("msub", "msup", "msubsup", "munder") and len(element) else element
    text = base.text or ""
    return text if base.tag in ("mi", "mo") and len(text) > 1 and text.replace(" ", "").isalpha() else None


def _thin() -> Element:
    return Element("mspace", width=THIN)


def _converted(translator: HTML5Translator, node: nodes.math | nodes.math_block, *, block: bool) -> str:
    try:
        return to_mathml(node.astext(), block=block)
    except (MathError, ElementTree.ParseError) as error:
        logger.warning("mathematics that cannot be turned into MathML: %s", error, location=node)
        return f"<code>{translator.encode(node.astext())}</code>"


def visit_math(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(_converted(translator, node, block=False))
    raise nodes.SkipNode


def visit_math_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    translator.body.append(_converted(translator, node, block=True))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def write_font(app: Sphinx, exception: Exception | None) -> None:
    """Put the characters that mathematics needs, with all their sizes, into a font of a sixth of the size."""
    target = Path(app.outdir) / "_static" / FONT
    if exception is not None or app.builder.format != "html":
        return
    python_logging.getLogger("fontTools").setLevel(python_logging.WARNING)  # it would list all characters
    # Names include the font's licence, the Open Font License, which travels with it.
    options = subset.Options(flavor="woff", layout_features=["ssty", "flac", "dtls"], hinting=False, name_IDs=["*"])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=subset.parse_unicodes(CHARACTERS))
    with as_file(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf") as source:
        font = subset.load_font(source, options)
        subsetter.subset(font)
        _narrow_roots(font)
        subset.save_font(font, target, options)


def _narrow_roots(font: TTFont) -> None:
    """Give all sizes of the root one width: behind any of them, Chromium leaves the room that the widest would take."""
    variants, glyphs, metrics = font["MATH"].table.MathVariants, font["glyf"], font["hmtx"]
    root = font.getBestCmap()[ord("√")]
    sizes = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(root)]
    names = {record.VariantGlyph for record in sizes.MathGlyphVariantRecord}
    names |= {part.glyph for part in sizes.GlyphAssembly.PartRecords}
    width, _ = metrics[root]
    for name in names - {root}:
        advance, _ = metrics[name]
        glyphs[name].coordinates.scale((width / advance, 1.0))
        glyphs[name].coordinates.toInt()
        glyphs[name].recalcBounds(glyphs)
        metrics[name] = width, glyphs[name].xMin


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("build-finished", write_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
