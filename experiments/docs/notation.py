r"""Formulas of docstrings, translated into LaTeX.

Docstrings write formulas in plain text, so that ``help()`` can be read: ``w <- w - eta g /
(sqrt(nu) + eps)``. The documentation shows the same formulas in two dimensions: they are written
once, and cannot disagree. A blank is a product; a fraction has the factors before the stroke, back
to the last sign or fraction, above it, and one factor below; a transposed factor, ``s^T y``, is one
with the factor after it.

>>> to_latex("w <- w - eta g / (sqrt(nu) + eps)")
'w\\leftarrow w-\\frac{\\eta\\,g}{\\sqrt{\\nu}+\\varepsilon}'
>>> to_latex("learning_rate=1e-3") is None
True
"""

import re
from collections.abc import Iterator, Set
from typing import NamedTuple

GREEK = {
    *("Phi", "alpha", "beta", "delta", "eta", "gamma", "kappa", "lambda", "mu", "nu", "phi"),
    *("pi", "psi", "rho", "sigma", "theta"),
}

FUNCTIONS = {
    *(
        "abs",
        "argmax",
        "ceil",
        "cos",
        "cosh",
        "diag",
        "elu",
        "erf",
        "erfc",
        "exp",
        "floor",
        "log",
        "max",
    ),
    *("mean", "min", "orthogonal", "sigmoid", "sign", "sinh", "softmax", "tanh"),
}
"""Set upright, and applied to the next factor where no bracket follows."""

WORDS = {
    *("accuracy", "all", "begin", "best", "bound", "clipping", "confidence", "decay", "decision"),
    *("degree", "end", "factor", "fan", "fast", "high", "in", "init", "layer", "learning_rate"),
    *(
        "limit",
        "low",
        "new",
        "noise",
        "norm",
        "offset",
        "old",
        "out",
        "peak",
        "predicted",
        "rank",
        "rate",
    ),
    *("rtol", "scale", "schedule", "share", "slow", "step", "std", "strength", "threshold"),
    *("true", "value"),
    *("variance", "weight_decay"),
}
"""Words that formulas use beside symbols and the names of arguments."""

OPERATORS = {
    "<-": r"\leftarrow ",
    "->": r"\to ",
    "<=": r"\le ",
    ">=": r"\ge ",
    "!=": r"\ne ",
    "+-": r"\pm ",
    "=": "=",
    "~": r"\sim ",
    "<": "<",
    ">": ">",
    "+": "+",
    "-": "-",
    "*": r"\cdot ",
    "||": r"\parallel ",
}

SUBSCRIPTS = {"plus": "+", "minus": "-", "inf": r"\infty", "hat": "", "all": r"\mathrm{all}"}

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+\.?\d*(?:e-?\d+)?)
    | (?P<text>[a-z]+'s\ step)
    | (?P<name>(?:d(?:L|W|params|phi))?[A-Za-z][A-Za-z0-9]*'*(?:_[A-Za-z0-9]+)*'*)
    | (?P<dots>\.\.\.)
    | (?P<operator><-|->|<=|>=|!=|\+-|[-+*=~])
    | (?P<mark>\|\||[][(){}|<>^_/,])
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str
    spaced: bool  # whether a blank stands before it
    followed: bool  # whether a blank stands after it


class _NotAFormulaError(Exception):
    """What is read is code, or prose."""


def to_latex(text: str, names: Set[str] = frozenset()) -> str | None:
    r"""Return a formula as LaTeX, or None for what is not a formula but code.

    A formula has an operator, or is a symbol; all its words are symbols, functions, `WORDS` or
    names of arguments. The name of an argument alone is code.

    Args:
        text: what stands between the backticks.
        names: of the arguments of the function whose docstring it is.

    >>> to_latex("mu_hat = mu / (1 - b1^t)")
    '\\hat{\\mu}=\\frac{\\mu}{1-b_1^{t}}'
    >>> to_latex("g^T s / y^T y")
    '\\frac{g^{T}\\,s}{y^{T}\\,y}'
    >>> to_latex("value", {"value"}) is None
    True
    """
    text = " ".join(text.split())
    if re.search(r"\"|[\w.]\.[a-z]|[^\s{]=(?!=)\S|^\.|\w\(\)|//", _without_braces(text)):
        return None
    try:
        tokens = list(_tokens(text))
        alone = len(tokens) == 1
        if alone and (tokens[0].kind != "name" or text in names or not _is_symbol(text)):
            return None
        if not alone and not any(t.kind == "operator" or t.text in "^|/<>" for t in tokens):
            return None if not _is_call(tokens) else _Parser(tokens, names).formula()
        return _Parser(tokens, frozenset() if alone else names).formula()
    except _NotAFormulaError:
        return None


def _without_braces(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", text)


def _is_call(tokens: list[_Token]) -> bool:
    """Return whether tokens are symbols and functions beside each other, such as ``mean(v)``."""
    kinds = {token.kind for token in tokens}
    symbols = all(t.kind != "name" or _is_symbol(t.text) or t.text in FUNCTIONS for t in tokens)
    return kinds <= {"name", "mark", "number"} and symbols and "," not in {t.text for t in tokens}


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _NotAFormulaError
        kind, spaced = match.lastgroup, match.start(match.lastgroup) > position
        position = match.end()
        followed = position == len(text) or text[position] == " "
        yield _Token(kind, match[kind], spaced, followed)


def _is_symbol(name: str) -> bool:
    base = re.sub(r"['\d]", "", name.partition("_")[0])
    return len(base) == 1 or base in GREEK or _differential(base) is not None


def _differential(base: str) -> str | None:
    """Return what a differential such as ``dW`` is of."""
    return base[1:] if len(base) > 1 and base[0] == "d" and _is_symbol(base[1:]) else None


class _Factor(NamedTuple):
    latex: str
    kind: str = ""  # of a bracketed one, what is within; of others what they are


class _Parser:
    """Recursive descent: lists of relations of sums of products of powers."""

    def __init__(self, tokens: list[_Token], names: Set[str]):
        self.tokens, self.names, self.at = tokens, names, 0
        self.bars: list[str] = []

    def formula(self) -> str:
        latex = self.listed(())
        if self.at < len(self.tokens):
            raise _NotAFormulaError
        return latex

    def peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next_is(self, *texts: str) -> bool:
        token = self.peek()
        return token is not None and token.text in texts

    def take(self) -> _Token:
        token = self.peek()
        if token is None:
            raise _NotAFormulaError
        self.at += 1
        return token

    def listed(self, closing: tuple[str, ...]) -> str:
        parts = [self.relation(closing)]
        while self.next_is(","):
            self.take()
            parts.append(self.relation(closing))
        return r",\;".join(parts)

    def relation(self, closing: tuple[str, ...]) -> str:
        latex = self.sum(closing)
        while (token := self.peek()) is not None and token.text not in (*closing, ","):
            infix = token.text == "||" and token.spaced and token.followed
            if token.kind != "operator" and token.text not in ("<", ">") and not infix:
                raise _NotAFormulaError
            self.take()
            latex += OPERATORS[token.text] + self.sum(closing)
        return latex

    def sum(self, closing: tuple[str, ...]) -> str:
        latex = ""
        if self.next_is("-", "+", "+-"):
            latex = OPERATORS[self.take().text]
        latex += self.product(closing)
        while self.next_is("+", "-", "+-"):
            latex += OPERATORS[self.take().text] + self.product(closing)
        return latex

    def product(self, closing: tuple[str, ...]) -> str:
        done, above = [], [self.factor(closing)]
        while (token := self.peek()) is not None:
            if token.text == "/":
                self.take()
                below = self.factor(closing)
                numerator = _bare(above[0]) if len(above) == 1 else _joined(above)
                done.append(rf"\frac{{{numerator}}}{{{_bare(below)}}}")
                above = []
            elif token.text == "*":
                self.take()
                above.append(_Factor(r"\cdot "))
                above.append(self.factor(closing))
            elif self.starts_factor(token, closing):
                above.append(self.factor(closing))
            else:
                break
        rest = [_joined(above)] if above else []
        return r"\,".join([*done, *rest])

    def starts_factor(self, token: _Token, closing: tuple[str, ...]) -> bool:
        if token.text in closing or token.text == "," or token.kind == "operator":
            return False
        if token.text in ("|", "||"):
            return token.text not in self.bars and not (
                token.text == "||" and token.spaced and token.followed
            )
        if token.text == "<":  # of an inner product
            return token.spaced and not token.followed
        return token.kind in ("number", "text", "name", "dots") or token.text in "([{"

    def factor(self, closing: tuple[str, ...]) -> _Factor:
        base = self.base(closing)
        powered = self.scripts(base)
        token = self.peek()
        if token is not None and token.text == "/" and not (token.spaced or token.followed):
            self.take()  # without blanks a stroke divides what it touches
            below = self.scripts(self.base(closing))
            return _Factor(rf"\frac{{{_bare(powered)}}}{{{_bare(below)}}}")
        transposed = powered.kind == "transposed"
        if transposed and token is not None and self.starts_factor(token, closing):
            return _Factor(rf"{powered.latex}\,{self.factor(closing).latex}")
        return powered

    def scripts(self, base: _Factor) -> _Factor:
        latex, kind = base.latex, base.kind
        if not self.next_is("^", "_"):
            return base
        while self.next_is("^", "_"):
            mark = self.take().text
            content = self.script()
            latex, kind = f"{latex}{mark}{{{content}}}", "transposed" if content == "T" else "power"
        return _Factor(latex, kind)

    def script(self) -> str:
        """Return an exponent or index: one factor, signed or in brackets, which it then drops."""
        sign = OPERATORS[self.take().text] if self.next_is("-") else ""
        if self.next_is("(", "{") and not sign:
            closing = {"(": ")", "{": "}"}[self.take().text]
            content = self.listed((closing,))
            if self.take().text != closing:
                raise _NotAFormulaError
            return content
        return sign + (self.scripts(self.base(())) if sign else self.base(())).latex

    def base(self, closing: tuple[str, ...]) -> _Factor:
        token = self.take()
        if token.kind == "number":
            return self.number(token.text)
        if token.kind == "dots":
            return _Factor(r"\cdots ")
        if token.kind == "text":
            return _Factor(rf"\text{{{token.text}}}")
        if token.kind == "name":
            return self.name(token.text, closing)
        if token.text in ("(", "[", "{", "<"):
            return self.bracketed(token.text)
        if token.text in ("|", "||") and token.text not in self.bars:
            return self.norm(token.text)
        raise _NotAFormulaError

    def number(self, text: str) -> _Factor:
        if self.next_is("["):  # the indicator, 1[condition]
            return _Factor(rf"\mathbf{{{text}}}{self.bracketed(self.take().text).latex}")
        mantissa, _, exponent = text.partition("e")
        return _Factor(mantissa + (rf"\cdot 10^{{{exponent}}}" if exponent else ""))

    def bracketed(self, opening: str) -> _Factor:
        closings = {"(": (")", "]"), "[": ("]", ")"), "{": ("}",), "<": (">",)}[opening]
        outer, self.bars = self.bars, []
        content = self.listed(closings)
        closing, self.bars = self.take().text, outer
        left, right = _delimiter(opening), _delimiter(closing)
        if closing not in closings:
            raise _NotAFormulaError
        tall = re.search(r"\\(frac|sum|prod|sqrt)", content)
        latex = rf"\left{left}{content}\right{right}" if tall else f"{left}{content}{right}"
        return _Factor(latex, content if (opening, closing) == ("(", ")") else "")

    def norm(self, bar: str) -> _Factor:
        self.bars.append(bar)
        content = self.relation((bar,))
        if self.take().text != bar:
            raise _NotAFormulaError
        self.bars.pop()
        left, right = ("|", "|") if bar == "|" else (r"\|", r"\|")
        return _Factor(rf"\left{left}{content}\right{right}")

    def name(self, text: str, closing: tuple[str, ...]) -> _Factor:
        head, _, index = text.partition("_")
        if head in ("sum", "prod") and text not in self.names:
            return self.large(head, index)
        if text == "sqrt" and self.next_is("("):
            within = self.bracketed(self.take().text)
            return _Factor(rf"\sqrt{{{_bare(within)}}}")
        if text in FUNCTIONS or (head in FUNCTIONS and len(index) == 1):
            limit = f"_{{{index}}}" if index else ""
            return self.applied(rf"\operatorname{{{head}}}{limit}", closing)
        latex = self.symbol(text)
        token = self.peek()
        if token is not None and token.text == "(" and not token.spaced:
            return _Factor(latex + self.bracketed(self.take().text).latex)
        return _Factor(latex)

    def large(self, head: str, index: str) -> _Factor:
        latex = rf"\{head}"
        if index:
            latex += f"_{{{index}}}"
        elif self.next_is("_"):
            self.take()
            latex += f"_{{{self.script()}}}"
        if self.next_is("^"):
            self.take()
            latex += f"^{{{self.script()}}}"
        return _Factor(latex + " " + self.factor(()).latex, "large")

    def applied(self, function: str, closing: tuple[str, ...]) -> _Factor:
        token = self.peek()
        if token is not None and token.text == "(":
            return _Factor(function + self.bracketed(self.take().text).latex)
        if token is None or not self.starts_factor(token, closing):
            return _Factor(function)  # a mean may be a number
        return _Factor(rf"{function}\,{self.factor(closing).latex}")

    def symbol(self, text: str) -> str:
        if text == "eps" or text == "eps_root":
            return r"\varepsilon" + (r"_{\mathrm{root}}" if "_" in text else "")
        head = text.partition("_")[0]
        argument = text in self.names and len(text) > 3 and head not in GREEK
        if argument or text in WORDS or (head in WORDS and len(text) - len(head) > 3):
            return "".join([r"\mathrm{", text.replace("_", r"\_"), "}"])
        base, *indices = text.rstrip("'").split("_")
        primes = "'" * (len(text) - len(text.rstrip("'")))
        inner = "'" * base.count("'")
        base = base.replace("'", "")
        letters, digits = re.fullmatch(r"([A-Za-z]+?)(\d*)", base).groups()  # pyright: ignore
        latex = self.letters(letters)
        if indices[:1] == ["hat"]:
            latex = rf"\hat{{{latex}}}"
        below = [digits] if digits else []
        below += [self.index(index) for index in indices if index != "hat"]
        latex += inner + (f"_{{{','.join(below)}}}" if "".join(below) else "")
        return re.sub(r"_\{(\w)\}", r"_\1", latex) + primes

    def letters(self, letters: str) -> str:
        if len(letters) == 1:
            return letters
        if letters in GREEK:
            return rf"\{letters}"
        within = _differential(letters)
        if within is not None:
            return rf"\mathrm{{d}}{self.letters(within)}"
        if letters in WORDS or letters in self.names or letters.isupper():
            return rf"\mathrm{{{letters}}}"
        raise _NotAFormulaError

    def index(self, index: str) -> str:
        if index in SUBSCRIPTS:
            return SUBSCRIPTS[index]
        return index if len(index) <= 2 or index.isdigit() else rf"\mathrm{{{index}}}"


def _delimiter(bracket: str) -> str:
    return {"{": r"\{", "}": r"\}", "<": r"\langle ", ">": r"\rangle "}.get(bracket, bracket)


def _bare(factor: _Factor) -> str:
    """Return a factor without its brackets, where a fraction or root groups."""
    known = factor.latex in (f"({factor.kind})", rf"\left({factor.kind}\right)")
    return factor.kind if known else factor.latex


def _joined(factors: list[_Factor]) -> str:
    return re.sub(r"\\,(\\cdot )\\,", r"\1", r"\,".join(factor.latex for factor in factors))
