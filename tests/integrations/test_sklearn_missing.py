"""minidl without scikit-learn: all but the estimators can be imported."""

import subprocess
import sys


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_the_import_says_what_to_install() -> None:
    result = python("import sys; sys.modules['sklearn'] = None; import minidl.integrations.sklearn")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last == 'ImportError: this needs scikit-learn 1.6 or newer; pip install "minidl[sklearn]"'


def test_the_other_bridges_do_not_import_it() -> None:
    result = python("import sys, minidl.integrations; print('sklearn' in sys.modules)")
    assert result.stdout == "False\n", result.stderr
