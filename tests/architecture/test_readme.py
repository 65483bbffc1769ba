"""The README cannot lie: its commands exist, its options exist, its lists are the code's."""

import re
import shlex
from pathlib import Path

import click
import pytest
import typer.main

import hepafed
from shared.messages.disclosure import disclosure_table

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/data.md", "docs/deployment.md")


def commands_of(page: str) -> list[str]:
    """Give the shell lines in a page's code blocks that call hepafed or make."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|bash)?\n(.*?)```", text, flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if re.match(r"\s*(hepafed|make) ", line)]


def all_commands() -> list[str]:
    return [line for page in PAGES for line in commands_of(page)]


def test_the_readme_shows_commands():
    assert len(commands_of("README.md")) >= 6


@pytest.mark.parametrize("line", [c for c in all_commands() if c.startswith("hepafed")])
def test_every_hepafed_command_shown_exists_with_its_options(line):
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = typer.main.get_command(hepafed.app)
    while isinstance(command, click.Group):
        assert words, line
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    known = {
        flag
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    used = {word.split("=")[0] for word in words if word.startswith("--")}
    assert used <= known | {"--help"}, line


@pytest.mark.parametrize("line", [c for c in all_commands() if c.startswith("make")])
def test_every_make_target_shown_exists(line):
    target = shlex.split(line, comments=True)[1]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), line


def test_every_relative_link_of_the_pages_leads_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_lists_exactly_the_fields_that_leave_a_hospital():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("<!-- disclosure:begin -->")[1].split("<!-- disclosure:end -->")[0]
    assert shown.strip() == disclosure_table().strip()
