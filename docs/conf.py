"""The documentation site: ``make docs`` builds it into docs/_build/html. Nothing in it comes from another server."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import demo_runs
import gallery
import replay

import minidl

project = "minidl"
author = "The minidl developers"
copyright = author  # noqa: A001  (the name is Sphinx's)
release = version = minidl.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "display",
    "docstrings",
    "glossary_links",
    "mathml",
    "playground",
    "plot",
    "progress",
]
exclude_patterns = ["_build", "learn/exercises/*", "**/sg_execution_times.rst", "sg_execution_times.rst"]
nitpicky = True
# Objects of other projects are not linked, as that would need the network; what is in single backticks in a docstring
# is linked if it is a name of minidl, and else is code.
nitpick_ignore_regex = [
    (r"py:obj", r".*"),
    (r"py:class", r"(numpy|np|matplotlib|collections|contextlib|typing|os|hypothesis)\..*|Axes|FuncAnimation"),
    # Those of minidl are spelt out where they are taken.
    (r"py:class", r"(minidl\..*\.)?(BatchSource|Direction|Labels|Limits|Losses|Metric|Path|Recurrent|Slope)"),
]
default_role = "py:obj"

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_type_aliases = {
    "Array": "minidl.typing.Array",
    "ArrayLike": "minidl.typing.ArrayLike",
    "Augment": "minidl.augment.Augment",
    "Seed": "minidl.typing.Seed",
    "Shape": "minidl.typing.Shape",
    "Initializer": "minidl.initializers.Initializer",
    "Parameters": "minidl.optimizers.Parameters",
    "ScheduleFunction": "minidl.schedules.ScheduleFunction",
}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
napoleon_google_docstring = napoleon_numpy_docstring = False  # the extension docstrings calls it
napoleon_use_ivar = True
napoleon_use_rtype = False

plot_include_source = True
plot_html_show_source_link = False
plot_html_show_formats = False
plot_formats = [("png", 160)]

gallery.prepare()
replay.install()
sphinx_gallery_conf = {
    "examples_dirs": str(gallery.COPIES),
    "gallery_dirs": str(gallery.PAGES),
    "filename_pattern": r"\.py$",
    "ignore_pattern": rf"^({'|'.join(path.stem for path in demo_runs.helpers())})\.py$",
    "within_subsection_order": "gallery.Order",
    "image_scrapers": ("gallery.scraper",),
    "reset_argv": "gallery.arguments",
    "reset_modules": (),
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "abort_on_example_error": False,
    # A notebook has arguments of its own, which are none of the demo's.
    "first_notebook_cell": 'import sys\n\nsys.argv = ["demo"]\n%matplotlib inline',
}

html_theme = "furo"
html_title = "minidl"
html_favicon = "_static/favicon.svg"
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_show_sphinx = False
html_copy_source = True  # "View source" above the text leads there
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
