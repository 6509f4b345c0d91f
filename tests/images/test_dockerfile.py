"""The line of a Dockerfile behind each step of a history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmsecrets.images.configuration import steps
from llmsecrets.images.dockerfile import instructions, lines_of

DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM golang:1.22 AS build
COPY . /src
RUN go build -o /app /src

FROM debian:12 AS base
RUN apt-get update && \\
    # a comment in between

    apt-get install -y curl
ENV A=1 \\
    B="two words"
FROM base
ARG TOKEN
COPY --from=build --chown=1:1 /app /usr/bin/app
RUN <<EOF
echo one
echo two
EOF
copy config.yaml settings.yaml /etc/app/
CMD ["app", "serve"]
"""
CLASSIC = [
    "/bin/sh -c #(nop) ADD file:5d673d25da3a14ce1f6cf66e4c7fd4f4b85a3759a9d93efb3fd9ff852b5b56e4 in / ",
    '/bin/sh -c #(nop)  CMD ["bash"]',
    "/bin/sh -c apt-get update &&     apt-get install -y curl",
    "/bin/sh -c #(nop)  ENV A=1 B=two words",
    "/bin/sh -c #(nop)  ARG TOKEN",
    "/bin/sh -c #(nop) COPY --chown=1:1file:0f1 in /usr/bin/app ",
    "|1 TOKEN=abc /bin/sh -c echo other",
    "/bin/sh -c #(nop) COPY multi:77aa in /etc/app/ ",
    '/bin/sh -c #(nop)  CMD ["app" "serve"]',
]
BUILDKIT = [
    "/bin/sh -c #(nop) ADD file:5d673d25da3a14ce1f6cf66e4c7fd4f4b85a3759a9d93efb3fd9ff852b5b56e4 in / ",
    "/bin/sh -c #(nop)  CMD [\"bash\"]",
    "RUN /bin/sh -c apt-get update &&     apt-get install -y curl # buildkit",
    "ENV A=1 B=two words",
    "ARG TOKEN=abc",
    "COPY /app /usr/bin/app # buildkit",
    "RUN |1 TOKEN=abc /bin/sh -c <<EOF (echo one...) # buildkit",
    "COPY config.yaml settings.yaml /etc/app/ # buildkit",
    "CMD [\"app\" \"serve\"]",
]  # fmt: skip


@pytest.mark.parametrize(
    ("history", "expected"),
    [(CLASSIC, [0, 0, 7, 11, 14, 15, 0, 20, 21]), (BUILDKIT, [0, 0, 7, 11, 14, 15, 0, 20, 21])],
    ids=["classic builder", "BuildKit"],
)
def test_each_step_finds_its_line(history, expected) -> None:
    made = steps({"history": [{"created_by": line} for line in history]}, len(history))
    lines = lines_of(made, DOCKERFILE)
    assert [lines.get(number, 0) for number in range(1, len(history) + 1)] == expected


def test_what_is_an_instruction() -> None:
    assert [(one.line, one.keyword) for one in instructions(DOCKERFILE)] == [
        (2, "FROM"), (3, "COPY"), (4, "RUN"), (6, "FROM"), (7, "RUN"), (11, "ENV"), (13, "FROM"), (14, "ARG"),
        (15, "COPY"), (16, "RUN"), (20, "COPY"), (21, "CMD"),
    ]  # fmt: skip


def test_another_escape_character() -> None:
    (one,) = instructions("# escape=`\nRUN dir c:\\ `\n  /b\n")
    assert one.text == "dir c:\\ /b"


def test_only_what_the_last_stage_is_built_on_counts() -> None:
    text = "FROM a AS one\nENV X=1\nFROM b\nENV X=2\nFROM one\nRUN true\n"
    made = steps({"history": [{"created_by": "ENV X=1"}, {"created_by": "RUN /bin/sh -c true # buildkit"}]}, 2)
    assert lines_of(made, text) == {1: 2, 2: 6}


LINES = st.sampled_from(
    ["FROM x", "from x as y", "FROM y", "RUN a \\", "RUN <<E", "E", "# c", "", "ENV A=1", "COPY", "\\", "ENV"]
)


@given(st.lists(LINES), st.lists(st.sampled_from([*CLASSIC, *BUILDKIT, "", "RUN", "ENV", "|9 a"])))
def test_no_text_is_too_odd(dockerfile, history) -> None:
    made = steps({"history": [{"created_by": line} for line in history]}, len(history))
    count = len(dockerfile)
    assert all(1 <= line <= count for line in lines_of(made, "\n".join(dockerfile)).values())
