"""Compiles the module in `packed/` while a wheel is built. Without a compiler, the wheel goes without it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_MODULE, _FOLDER, _SOURCES = "llmsecrets.packed._compiled", "scanner/llmsecrets/packed", ("_compiled.c", "_trees.c")


class CompileHook(BuildHookInterface):
    """Adds the compiled module to a wheel; for an editable install it is put beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        editable = version == "editable"
        library = self._compiled(Path(self.root, "scanner") if editable else Path(self._folder.name))
        if library and not editable:
            build_data["force_include"][str(library)] = f"llmsecrets/packed/{library.name}"
            build_data.update(pure_python=False, infer_tag=True)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        self._folder.cleanup()

    def _compiled(self, folder: Path) -> Path | None:
        from setuptools import Distribution, Extension
        from setuptools.command.build_ext import build_ext
        from setuptools.errors import BaseError, CCompilerError

        sources = [str(Path(self.root, _FOLDER, name)) for name in _SOURCES]
        command = build_ext(Distribution({"ext_modules": [Extension(_MODULE, sources)]}))
        command.build_lib, command.build_temp = str(folder), self._folder.name
        try:
            command.ensure_finalized()
            command.run()
        except (BaseError, CCompilerError, OSError) as failure:
            self.app.display_warning(f"Not compiled: {_FOLDER}: {failure}. Histories are scanned more slowly.")
            return None
        return Path(command.get_ext_fullpath(_MODULE))
