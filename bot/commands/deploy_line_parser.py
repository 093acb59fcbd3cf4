"""Parse a deploy line. Every syntax error comes with the edit that fixes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType

from bot.commands.deploy_line import DeployLine, LineError, Span
from bot.commands.deploy_options import OPTIONS, Kind, Option
from bot.domain.command_line import (
    DASHES,
    Edit,
    UnclosedQuoteError,
    Word,
    closing_edits,
    quote,
    words,
)
from bot.domain.instances import UnknownInstanceError
from bot.domain.instances import parse as parse_instance
from bot.domain.request.draft import DeployDraft, Scaling
from bot.domain.text import clip, quoted

_OPTION = re.compile(rf"([-{DASHES}]+)([A-Za-z][^=]*)")
_TWO_BOUNDS = re.compile(r"(.*?)(?:\.{2,}|\N{HORIZONTAL ELLIPSIS})(.*)", re.DOTALL)
_DASHED_BOUNDS = re.compile(rf"\s*([0-9]+)\s*[-:{DASHES}]\s*([0-9]+)\s*")
# A line with so many mistakes isn't read on: nobody meant it, and it could hold thousands.
_MAX_ERRORS = 10
# Below this, `--foo` would be read as `--for`.
_SIMILAR = 0.75
_FALSE = frozenset({"false", "no", "off", "0"})
# What people call an option whose name is not similar.
_OTHER_NAMES = MappingProxyType(
    {
        "instance": "gpu",
        "target": "to",
        "min": "min-replicas",
        "max": "max-replicas",
        "lifetime": "for",
        "ttl": "for",
        "duration": "for",
    }
)
_SCALINGS: Mapping[str, Scaling] = {"fixed": "fixed", "auto": "auto", "friendli": "friendli"}
_NAMES: Mapping[str, tuple[Option, bool]] = MappingProxyType(
    {option.name: (option, True) for option in OPTIONS}
    | {f"no-{option.name}": (option, False) for option in OPTIONS if option.kind is Kind.SWITCH}
)
_AUTOSCALE = _NAMES["autoscale"][0]


def parse(text: str) -> DeployLine:
    try:
        return _Parser(text, words(text)).run()
    except UnclosedQuoteError as unclosed:
        return _unclosed(text, unclosed)


def _unclosed(text: str, unclosed: UnclosedQuoteError) -> DeployLine:
    # The text before the quote is parsed; what follows may be part of the quote or not.
    line = _Parser(text, words(text[: unclosed.start])).run()
    line.edits = closing_edits(text, unclosed)
    rest = quoted(clip(text[unclosed.start :], 40))
    line.field_errors = [LineError(f"A quote is never closed: {rest}.")]
    line.reported = {"model", "gpu"}
    # The next reading finds what is still missing.
    line.lacks_value = False
    return line


@dataclass
class _Phrase:
    """A value that may continue in the words after it."""

    option: Option
    span: Span
    texts: list[str]


class _Parser:
    def __init__(self, text: str, found: list[Word]) -> None:
        self.line = DeployLine(text)
        self.words = found
        self.at = 0
        self.values: dict[str, str | bool] = {}
        self.phrase: _Phrase | None = None

    def run(self) -> DeployLine:
        while self.at < len(self.words):
            if len(self.line.field_errors) >= _MAX_ERRORS:
                self.line.is_cut = True
                break
            word = self.words[self.at]
            self.at += 1
            if option := _OPTION.match(word.text[: word.bare]):
                self._end_phrase()
                self._option(word, dashes=option[1], name=option[2].lower())
            else:
                self._argument(word)
        self._end_phrase()
        line = self.line
        model = line.model.text if line.model else None
        line.draft = DeployDraft.model_validate(
            {**self.values, "model": model, "scaling": self._scaling()}, by_name=True
        )
        return line

    def _scaling(self) -> Scaling | None:
        spans = self.line.spans
        auto = {"autoscale", "min-replicas", "max-replicas", "cooldown"} & spans.keys()
        if auto and "replicas" in spans:
            return None
        implied: Scaling | None = "auto" if auto else "fixed" if "replicas" in spans else None
        named = _SCALINGS.get(str(self.values.get("scaling")))
        if implied and named and implied != named:
            span, also = spans["scaling"], next(iter(auto), "replicas")
            words = f"`--scaling {named}` conflicts with {quoted(f'--{also}')}."
            self._add_error(words, self.line.deletion(span.start, span.end))
        return implied or named

    def _add_error(self, words: str, edit: Edit | None, nearest: str | None = None) -> None:
        """Without an edit, the line can't be corrected without a guess."""
        self.line.field_errors.append(LineError(words, nearest))
        if edit is None:
            self.line.lacks_value = True
        else:
            self.line.edits.append(edit)

    def _argument(self, word: Word) -> None:
        """The model, part of a phrase, or an error."""
        line, given = self.line, quoted(clip(word.text, 40))
        if line.model is None and (self.phrase is None or "/" in word.text):
            self._end_phrase()
            line.model = word
        elif self.phrase is not None:
            if len(self.phrase.texts) == 1 and self.phrase.option.name != "gpu":
                words = f"{given} belongs to no option. Put a value of several words in quotes."
                line.field_errors.append(LineError(words))
            self.phrase.texts.append(word.text)
            self.phrase.span = self.phrase.span._replace(end=word.end, value_end=word.end)
        elif "/" in word.text and line.model is not None:
            first = quoted(clip(line.model.text, 40))
            words = f"You named two models, {first} and {given}. Deploy one at a time."
            self._add_error(words, line.deletion(word.start, word.end))
        else:
            self._add_error(f"{given} belongs to no option.", line.deletion(word.start, word.end))

    def _end_phrase(self) -> None:
        phrase, self.phrase = self.phrase, None
        if phrase is None or len(phrase.texts) == 1:
            return
        whole, span = " ".join(phrase.texts), phrase.span
        if phrase.option.name == "gpu":
            self._end_instance(phrase, whole)
            return
        self.values[phrase.option.fields[0]] = whole
        self.line.spans[phrase.option.name] = span
        self.line.edits.append(Edit(span.value_start, span.value_end, quote(whole)))

    def _end_instance(self, phrase: _Phrase, whole: str) -> None:
        """An instance in several words is meant as one; other words belong to nothing."""
        span = phrase.span
        try:
            nearest: str | None = parse_instance(whole).key
        except UnknownInstanceError as unknown:
            if unknown.nearest is None:
                behind = whole[len(phrase.texts[0]) :].strip()
                first = self.line.spans[phrase.option.name]
                words = f"{quoted(clip(behind, 40))} belongs to no option."
                self._add_error(words, self.line.deletion(first.value_end, span.value_end))
                return
            nearest = None
        self.values["gpu"] = nearest or whole
        self.line.spans[phrase.option.name] = span
        edit = Edit(span.value_start, span.value_end, nearest or quote(whole))
        self._add_error("Write the instance as one word.", edit, nearest)

    def _option(self, word: Word, *, dashes: str, name: str) -> None:
        equals = word.text[: word.bare].find("=")
        name_end = word.end if equals < 0 else word.start + equals
        known = _NAMES.get(name)
        if known is None or dashes == "-":
            known = self._unknown(word, name, name_end)
        if known is None:
            return
        option, positive = known
        if option.kind in {Kind.SWITCH, Kind.FLAG}:
            if equals >= 0:
                self._unwanted_value(option, word, word.text[equals + 1 :], positive=positive)
            span = Span(word.start, word.end, word.end, word.end)
            self._set(option, span, value=positive)
            return
        value, span = self._value(word, equals)
        if value is None:
            self._add_error(
                f"{quoted(f'--{option.name}')} needs a value, such as {quoted(option.example)}.",
                None,
            )
            self.line.reported.update(option.fields)
        elif option.name == "replicas" and (bounds := _bounds(value)):
            written = f"--{_AUTOSCALE.name} {bounds[0]}..{bounds[1]}"
            words = f"`--replicas` takes one number. A range is {quoted(written)}."
            self._add_error(words, Edit(span.start, span.end, written))
            self._range(_AUTOSCALE, span, "..".join(bounds))
        elif option.kind is Kind.RANGE:
            self._range(option, span, value)
        elif option.kind is Kind.CHOICE:
            self._choice(option, span, value)
        elif (
            self._set(option, span, value=f"{option.prefix}{value}") and option.kind is Kind.PHRASE
        ):
            self.phrase = _Phrase(option, span, [value])

    def _unknown(self, word: Word, name: str, name_end: int) -> tuple[Option, bool] | None:
        written = self.line.text[word.start : name_end]
        if name == "model":
            words = "Write the model without an option."
            after = name_end + 1 if name_end < word.end else name_end
            self._add_error(words, Edit(word.start, after))
            if name_end < word.end:
                value = word.text[name_end - word.start + 1 :]
                self._argument(replace(word, text=value, bare=0, start=after))
            return None
        nearest = _nearest(name)
        words = f"I don't know the option {quoted(clip(written, 40))}."
        if nearest is not None:
            self._add_error(words, Edit(word.start, name_end, f"--{nearest}"), f"--{nearest}")
            return _NAMES[nearest]
        end = word.end
        if (
            name_end == word.end
            and self._next_is_value()
            and (self.line.model is not None or "/" not in self.words[self.at].text)
        ):
            end = self.words[self.at].end
            self.at += 1
        self._add_error(words, self.line.deletion(word.start, end))
        return None

    def _unwanted_value(self, option: Option, word: Word, value: str, *, positive: bool) -> None:
        wanted = positive != (value.strip().lower() in _FALSE)
        negation = "" if wanted or option.kind is Kind.FLAG else "no-"
        self._add_error(
            f"{quoted(f'--{option.name}')} takes no value.",
            Edit(word.start, word.end, f"--{negation}{option.name}"),
        )

    def _next_is_value(self) -> bool:
        if self.at == len(self.words):
            return False
        word = self.words[self.at]
        option = _OPTION.match(word.text[: word.bare])
        return option is None or option[1] == "-"

    def _value(self, word: Word, equals: int) -> tuple[str | None, Span]:
        if equals >= 0:
            start = word.start + equals + 1
            span = Span(word.start, word.end, start, word.end)
            return (word.text[equals + 1 :] if start < word.end else None), span
        if not self._next_is_value():
            return None, Span(word.start, word.end, word.end, word.end)
        value = self.words[self.at]
        self.at += 1
        return value.text, Span(word.start, value.end, value.start, value.end)

    def _range(self, option: Option, span: Span, value: str) -> None:
        bounds = _TWO_BOUNDS.fullmatch(value) or _DASHED_BOUNDS.fullmatch(value)
        if bounds is None:
            most = re.fullmatch(r"[0-9]+", value)
            nearest = f"0..{value}" if most else None
            words = f"{quoted(clip(value, 40))} isn't a range. Write MIN..MAX, such as `0..3`."
            edit = Edit(span.value_start, span.value_end, nearest) if nearest else None
            self._add_error(words, edit, nearest)
            self.line.reported.update(option.fields)
            self.line.spans[option.name] = span
            return
        if self._claim(option, span):
            typed = zip(option.fields, bounds.groups(), strict=True)
            self.values.update({name: bound.strip() for name, bound in typed})

    def _choice(self, option: Option, span: Span, value: str) -> None:
        if value.lower() in option.choices:
            self._set(option, span, value=value.lower())
            return
        close = get_close_matches(value.lower(), option.choices, n=1, cutoff=0.4)
        nearest = close[0] if close else None
        words = (
            f"{quoted(clip(value, 40))} isn't valid. Choose"
            f" {', '.join(map(quoted, option.choices))}."
        )
        edit = Edit(span.value_start, span.value_end, nearest) if nearest else None
        self._add_error(words, edit, nearest)

    def _set(self, option: Option, span: Span, *, value: str | bool) -> bool:
        if not self._claim(option, span):
            return False
        self.values.update(dict.fromkeys(option.fields, value))
        self.line.yes = self.line.yes or not option.fields
        return True

    def _claim(self, option: Option, span: Span) -> bool:
        """Note an option's position, unless another one sets the same field already."""
        line, written = self.line, quoted(f"--{option.name}")
        earlier = line.spans.get(option.name)
        if earlier is not None:
            self._add_error(f"{written} is given twice.", line.deletion(earlier.start, earlier.end))
        for other in OPTIONS:
            shared = set(other.fields) & set(option.fields)
            if shared and other is not option and other.name in line.spans:
                words = f"{written} conflicts with {quoted(f'--{other.name}')}."
                self._add_error(words, line.deletion(span.start, span.end))
                return False
        line.spans[option.name] = span
        return True


def _nearest(name: str) -> str | None:
    if name in _OTHER_NAMES:
        return _OTHER_NAMES[name]
    begun = [known for known in _NAMES if known.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    close = get_close_matches(name, _NAMES, n=1, cutoff=_SIMILAR)
    return close[0] if close else None


def _bounds(value: str) -> tuple[str, str] | None:
    """The bounds of a range whose both ends are numbers."""
    found = _TWO_BOUNDS.fullmatch(value) or _DASHED_BOUNDS.fullmatch(value)
    least, most = (found[1].strip(), found[2].strip()) if found else ("", "")
    return (least, most) if least.isdecimal() and most.isdecimal() else None
