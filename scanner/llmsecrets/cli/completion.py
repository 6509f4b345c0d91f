"""`llmsecrets completion`."""

from __future__ import annotations

import click


@click.command(short_help="Let a shell complete commands and options.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that lets a shell complete commands and options.

    \b
    llmsecrets completion bash > ~/.local/share/bash-completion/completions/llmsecrets
    llmsecrets completion zsh > ~/.zfunc/_llmsecrets          with fpath+=~/.zfunc before compinit
    llmsecrets completion fish > ~/.config/fish/completions/llmsecrets.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind, "click knows the three shells"
    click.echo(kind(ctx.find_root().command, {}, "llmsecrets", "_LLMSECRETS_COMPLETE").source())
