"""Code in answers."""

from __future__ import annotations

import pytest

from chalicelib.evaluation.code.extraction import extract_code

F = "def f(x):\n    return x\n"
HEAD = 'def f(x):\n    """Return x."""\n'


@pytest.mark.parametrize(
    "text",
    [
        F,
        f"```python\n{F}```",
        f"```\n{F}```\n",
        f"Here it is:\n\n```py\n{F}```\n\nIt returns x.",
        f"```python\n{F}",
        f"~~~python\n{F}~~~",
        f"First install:\n```bash\npip install x\n```\n```python\n{F}```",
        f"```python\nprint('no')\n```\nor rather\n```python\n{F}```",
        f"Sure! This does it:\n{F}\nIt returns its argument.",
    ],
)
def test_a_function_should_be_found_wherever_it_stands(text: str) -> None:
    assert extract_code(text, "f").strip() == F.strip()
    assert extract_code(text, "f", HEAD).strip() == F.strip()


def test_what_stands_beside_the_function_should_stay() -> None:
    code = (
        "import math\n\n@cache\ndef g(x): return x\n\nLIMIT: int = 3\n\n" + F + "\nh = [\n1,\n]\n"
    )
    assert extract_code(code, "f") == code
    assert extract_code(f"So:\n{code}Done.", "f") == code


@pytest.mark.parametrize(
    "text",
    [
        "    y = x\n    return y\n",
        "    y = x\n    return y\n\nprint(f(3))\n",
        "y = x\n    return y\n",
        "\n    y = x\n    return y\n\n\ndef g():\n    pass\n",
        "```python\n    y = x\n    return y\n```",
    ],
)
def test_the_rest_of_a_function_should_be_put_behind_its_head(text: str) -> None:
    assert extract_code(text, "f", HEAD).rstrip() == HEAD + "    y = x\n    return y"


def test_an_answer_without_code_should_be_left_to_the_interpreter() -> None:
    assert extract_code("I cannot.", "f") == "I cannot."
    assert extract_code("", "f") == ""
    assert extract_code("f = abs\n", "f", HEAD) == "f = abs\n"
