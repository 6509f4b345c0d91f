"""Strict reading of YAML files that may come from a stranger.

Safe tags only, no anchors or aliases (a few hundred bytes of them expand to gigabytes), a size limit, duplicate keys
refused, and every mapping remembers the line it starts on so that an error can name it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmsecrets.errors import ConfigError

_SIZE_LIMIT = 16 << 20
_DEPTH_LIMIT = 40


class Mapping(dict[str, Any]):
    """A mapping read from a file, with the line it starts on and the line of each key."""

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


def load(path: Path, error: type[ConfigError] = ConfigError) -> Mapping:
    """The mapping at the top of a YAML file. Raises `error` naming file, line and reason."""
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise error(f"{path}: cannot be read: {failure.strerror}", "Check the path and its permissions.") from failure
    return parse(content, str(path), error)


def parse(content: bytes, origin: str, error: type[ConfigError] = ConfigError) -> Mapping:
    """As `load`, for bytes already read."""
    import yaml

    if len(content) > _SIZE_LIMIT:
        raise error(f"{origin}: larger than {_SIZE_LIMIT >> 20} MiB", "Split the file.")
    loader_type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = loader_type(content)
    try:
        _check_depth(loader_type, content, origin, error)
        node = loader.get_single_node()
        value = _convert(loader, node, origin, error, set()) if node else None
    except yaml.YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(failure, "problem", None) or str(failure).partition("\n")[0]
        raise error(f"{origin}{line}: not valid YAML: {what}") from failure
    finally:
        loader.dispose()
    if value is None:
        return Mapping()
    if not isinstance(value, Mapping):
        raise error(f"{origin}:1: expected a mapping at the top of the file")
    return value


def dump(mapping: dict[str, Any]) -> str:
    """A mapping of plain values as YAML, in the order given."""
    import yaml

    return yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, width=1000)


def _check_depth(loader_type: Any, content: bytes, origin: str, error: type[ConfigError]) -> None:
    """Composing recurses on the C stack, where deep nesting is a crash; events do not."""
    import yaml

    depth = 0
    for event in yaml.parse(content, Loader=loader_type):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH_LIMIT:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise error(f"{origin}:{line}: nested more than {_DEPTH_LIMIT} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _convert(loader: Any, node: Any, origin: str, error: type[ConfigError], seen: set[int]) -> Any:
    import yaml

    line = node.start_mark.line + 1
    if id(node) in seen:
        raise error(f"{origin}:{line}: YAML aliases are not accepted", "Write the value out.")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_convert(loader, child, origin, error, seen) for child in node.value]
    if not isinstance(node, yaml.MappingNode):
        try:
            return loader.construct_object(node)
        except ValueError as failure:  # a date that is none
            raise error(f"{origin}:{line}: {failure}") from failure
    mapping = Mapping(line)
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node))
        if key in mapping:
            raise error(f"{origin}:{key_node.start_mark.line + 1}: key {key!r} stands twice")
        mapping.lines[key] = key_node.start_mark.line + 1
        mapping[key] = _convert(loader, value_node, origin, error, seen)
    return mapping
