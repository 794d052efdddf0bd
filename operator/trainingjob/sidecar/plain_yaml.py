"""YAML that somebody else wrote: read without aliases, and without its text in what is said of a mistake."""

from typing import Any

import yaml


class UnreadableError(Exception):
    """A text is no YAML that is taken; the words say where, and quote nothing: a password may stand there."""


class _AliasError(yaml.MarkedYAMLError):
    """An alias, of which a few that name one another stand for more than any memory holds."""


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise _AliasError(problem_mark=event.start_mark)
        return super().compose_node(parent, index)


def load(text: str) -> Any:
    """Return what a text says.

    Raises:
        UnreadableError: when it cannot be read.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader that takes less
    except _AliasError as error:
        raise UnreadableError(f"an alias (*) is not supported{_place(error)}; write out what it stands for") from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"it is no YAML{_place(error)}") from None
    except RecursionError:
        raise UnreadableError("it is no YAML that can be read: too much of it lies in one another") from None
    except (AttributeError, LookupError, TypeError, ValueError):
        # So end dates and numbers that look like some and are none.
        raise UnreadableError("it is no YAML: a date, number or tag in it has no value") from None


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f": see line {mark.line + 1}, column {mark.column + 1}" if mark else ""
