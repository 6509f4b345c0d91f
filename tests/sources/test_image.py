"""`--image`: all that is in an image is found, once, with the layer, the instruction and what became of it."""

from __future__ import annotations

import gzip
import io
import shutil
import zipfile
from pathlib import Path

import pytest
from image_support import OCI, Buildah, Found, Layout, Umoci, containers, copy, digest_of, found_in, run, tar_of, tool
from support import Outcome


@pytest.fixture(scope="module")
def umoci(tmp_path_factory: pytest.TempPathFactory, key) -> Umoci:
    """Four layers with a key each: one overwritten, one deleted, one deleted with its folder, one that stays."""
    image = Umoci(tmp_path_factory.mktemp("umoci"))
    image.add("/srv/app.env", f"KEY={key('anthropic')}\n", "COPY app.env /srv/app.env")
    image.add("/srv/old.env", f"KEY={key('github')}\n", "COPY old.env /srv/old.env")
    image.add("/cache/deep/down/token", f"{key('npm')}\n", "RUN npm login")
    image.add("/srv/keep.env", f"KEY={key('stripe')}\n", "COPY keep.env /srv/")
    image.add("/srv/app.env", "KEY=none\n", "RUN sed -i s/.*/none/ /srv/app.env")
    image.delete("/srv/old.env", "RUN rm /srv/old.env")
    image.add_folder("/cache", "empty", "nothing\n", "RUN rm -r /cache && mkdir /cache")
    return image


LAYERS = [
    Found("anthropic-api-key", "srv/app.env", "1", "overwritten in layer 5"),
    Found("github-pat", "srv/old.env", "2", "deleted in layer 6"),
    Found("npm-access-token", "cache/deep/down/token", "3", "deleted in layer 7"),
    Found("stripe-secret-key", "srv/keep.env", "4", "visible"),
]


def test_every_layer_is_scanned_and_the_fate_of_its_files_told(umoci, scan) -> None:
    outcome = scan("--image", umoci.layout)
    assert found_in(outcome) == LAYERS
    image, layer = containers(outcome, "github-pat")
    assert (image["kind"], image["name"]) == ("image", "app")
    assert layer["facts"]["instruction"] == "COPY old.env /srv/old.env"
    assert layer["facts"]["digest"].startswith("sha256:")


@pytest.mark.parametrize("target", ["docker-archive:{}:app:1", "oci-archive:{}:app:1", "oci:{}:app:1"])
def test_every_way_to_keep_an_image_gives_the_same(umoci, scan, tmp_path, target) -> None:
    kept = tmp_path / "kept"
    copy(f"oci:{umoci.layout}:app", target.format(kept))
    assert found_in(scan("--image", kept)) == LAYERS


def test_a_packed_archive_is_read_as_it_streams_by(umoci, scan, tmp_path) -> None:
    copy(f"oci:{umoci.layout}:app", f"docker-archive:{tmp_path / 'saved.tar'}:app:1")
    (tmp_path / "saved.tar.gz").write_bytes(gzip.compress((tmp_path / "saved.tar").read_bytes()))
    assert found_in(scan("--image", "saved.tar.gz")) == LAYERS


def test_layers_packed_with_zstd(scan, key, tmp_path) -> None:
    (tmp_path / "layer.tar").write_bytes(tar_of({"app.env": f"KEY={key('github')}\n"}))
    run(tool("zstd"), "-q", tmp_path / "layer.tar")
    layout = Layout(tmp_path / "layout")
    layer = layout.blob((tmp_path / "layer.tar.zst").read_bytes(), f"{OCI}.layer.v1.tar+zstd")
    assert found_in(scan("--image", layout.index(layout.manifest([layer], {})))) == [
        Found("github-pat", "app.env", "1", "visible")
    ]


def test_files_within_files_of_a_layer(scan, key, tmp_path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as jar:
        jar.writestr("conf/app.properties", f"key={key('github')}\n")
    layout = Layout(tmp_path / "layout")
    folder = layout.index(layout.image(tar_of({"opt/app.jar": inner.getvalue()}), tar_of({"opt/.wh.app.jar": ""})))
    assert found_in(scan("--image", folder)) == [
        Found("github-pat", "opt/app.jar!conf/app.properties", "1", "deleted in layer 2")
    ]


def with_fat_jar(folder: Path, secret: str, size: int) -> Path:
    """An image with a jar that holds so many zeros and a key."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as jar:
        jar.writestr("model.bin", bytes(size))
        jar.writestr("app.properties", f"key={secret}\n", zipfile.ZIP_DEFLATED)
    layout = Layout(folder / "layout")
    return layout.index(layout.image(tar_of({"opt/fat.jar": inner.getvalue()})))


def test_a_large_archive_in_a_layer_is_opened(scan, key, tmp_path) -> None:
    folder = with_fat_jar(tmp_path, key("github"), 40 << 20)
    assert found_in(scan("--image", folder)) == [Found("github-pat", "opt/fat.jar!app.properties", "1", "visible")]


def test_an_archive_too_large_to_be_held_is_told_of(scan, key, tmp_path) -> None:
    outcome = scan("--image", with_fat_jar(tmp_path, key("github"), 97 << 20))
    assert [(skip["reason"], skip["path"]) for skip in outcome.json["skips"]] == [("too large", "opt/fat.jar")]
    assert outcome.code == 3


# ---- what the configuration says -----------------------------------------------------------------------------------

DOCKERFILE = """\
FROM scratch
ARG BUILD_TOKEN
ENV OPENAI_API_KEY={openai} MODE=test
COPY busybox /bin/sh
COPY app.env /srv/app.env
RUN echo "token=$BUILD_TOKEN" > /srv/build.log
RUN echo {stripe} | cut -c1-4
RUN : > /srv/app.env
LABEL org.example.registry="user {npm} end"
HEALTHCHECK CMD curl -H "Authorization: token {github}" http://localhost/
CMD ["serve", "--key", "{slack}"]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, key) -> Path:
    """An image that buildah builds, with a key in each kind of instruction."""
    folder = tmp_path_factory.mktemp("built")
    context = folder / "context"
    context.mkdir()
    names = ("openai", "stripe", "npm", "github", "slack")
    (context / "Dockerfile").write_text(DOCKERFILE.format(**{name: key(name) for name in names}))
    shutil.copy(tool("busybox"), context / "busybox")
    (context / "app.env").write_text(f"KEY={key('anthropic')}\n")
    archive = folder / "built.tar"
    Buildah(folder).build(context, archive, "--build-arg", f"BUILD_TOKEN={key('gitlab')}")
    return archive


def test_each_instruction_that_holds_a_key_is_named_once(built, scan) -> None:
    outcome = scan("--image", built)
    assert found_in(outcome) == [
        Found("gitlab-pat", "ARG", "", ""),
        Found("slack-bot-token", "CMD", "", ""),
        Found("openai-project-key", "ENV OPENAI_API_KEY", "", ""),
        Found("github-pat", "HEALTHCHECK", "", ""),
        Found("npm-access-token", "LABEL org.example.registry", "", ""),
        Found("stripe-secret-key", "RUN", "", ""),
        Found("anthropic-api-key", "srv/app.env", "2", "overwritten in layer 5"),
        Found("gitlab-pat", "srv/build.log", "3", "visible"),
    ]


def test_no_instruction_that_is_shown_holds_a_key(built, llmsecrets, key) -> None:
    for format in ("text", "json", "jsonl", "sarif"):
        shown = llmsecrets("scan", "--image", built, "-f", format).stdout
        assert "RUN echo" in shown
        for name in ("openai", "stripe", "npm", "github", "slack", "gitlab", "anthropic"):
            assert key(name)[8:] not in shown


def test_a_report_for_people_tells_layer_instruction_and_state(built, llmsecrets) -> None:
    text = llmsecrets("scan", "--image", built).stdout
    assert "  srv/app.env:1:5 (image docker.io/library/built:1, layer 2)\n" in text
    assert "    layer 2: state: overwritten in layer 5; instruction: COPY file:" in text
    assert "    instruction RUN: instruction: RUN echo … | cut -c1-4\n" in text


def test_the_line_of_the_dockerfile_is_named(built, scan) -> None:
    outcome = scan("--image", built, "--dockerfile", built.parent / "context" / "Dockerfile")
    lines = {}
    for finding in outcome.json["findings"]:
        place = finding["provenance"]["containers"][1]
        lines[place["name"]] = place["facts"]["dockerfile"].rpartition(":")[2]
    assert lines == {
        "ARG": "6", "CMD": "11", "ENV OPENAI_API_KEY": "3", "HEALTHCHECK": "10", "LABEL org.example.registry": "9",
        "RUN": "7", "2": "5", "3": "6",
    }  # fmt: skip


# ---- whose secrets they are ----------------------------------------------------------------------------------------


@pytest.fixture
def stacked(tmp_path, key) -> tuple[Path, Path, str]:
    """A base image, an image on top of it, the digest of the base's last layer: a key in a layer and in ENV each."""
    lower, upper = tar_of({"base.env": f"KEY={key('github')}\n"}), tar_of({"own.env": f"KEY={key('npm')}\n"})
    history = [{"created_by": "COPY base.env /"}, {"created_by": f"ENV A={key('gitlab')}", "empty_layer": True}]
    base, image = Layout(tmp_path / "base"), Layout(tmp_path / "image")
    base.index(base.image(lower, config={"config": {"Env": [f"A={key('gitlab')}"]}, "history": history}))
    more = [{"created_by": f"ENV B={key('stripe')}", "empty_layer": True}, {"created_by": "COPY own.env /"}]
    environment = {"Env": [f"A={key('gitlab')}", f"B={key('stripe')}"]}
    image.index(image.image(lower, upper, config={"config": environment, "history": [*history, *more]}))
    return base.folder, image.folder, digest_of(gzip.compress(lower, 1, mtime=0))


def of_base(outcome: Outcome) -> set[str]:
    return {
        finding["rule_id"]
        for finding in outcome.json["findings"]
        if "base image" in finding["provenance"]["containers"][1]["facts"]
    }


def test_the_secrets_of_the_base_image_are_told_from_ones_own(stacked, scan) -> None:
    base, image, digest = stacked
    assert of_base(scan("--image", image)) == set()
    outcome = scan("--image", image, "--base", base)
    assert of_base(outcome) == {"github-pat", "gitlab-pat"}
    assert len(outcome.json["findings"]) == 4
    assert of_base(scan("--image", image, "--base", digest)) == {"github-pat"}  # what came after it may be one's own


def test_an_image_that_is_no_base_is_told_of(stacked, scan) -> None:
    base, image, _ = stacked
    outcome = scan("--image", base, "--base", image)
    assert of_base(outcome) == set()
    assert "is not built on" in outcome.json["notes"][0]


# ---- layers seen before --------------------------------------------------------------------------------------------


def told(outcome: Outcome) -> object:
    """What a report says, apart from how much was read for it."""
    return {name: outcome.json[name] for name in ("findings", "suppressed", "skips")}


def test_a_layer_seen_before_is_not_scanned_again(umoci, scan, tmp_path, key) -> None:
    cache = tmp_path / "cache.sqlite3"
    first = scan("--image", umoci.layout, "--cache", cache)
    again = scan("--image", umoci.layout, "--cache", cache)
    assert told(first) == told(again)
    assert again.json["stats"]["bytes"] < first.json["stats"]["bytes"]
    assert "7 layers were scanned before" in again.json["notes"][0]
    content = cache.read_bytes()
    assert not any(key(name).encode() in content for name in ("anthropic", "github", "npm", "stripe"))


def test_a_clean_layer_seen_before_is_not_even_read(scan, tmp_path, key) -> None:
    layout = Layout(tmp_path / "layout")
    clean = tar_of({"srv/.wh.old.env": "", "srv/readme": "nothing\n"})
    folder = layout.index(layout.image(tar_of({"srv/old.env": f"KEY={key('github')}\n"}), clean))
    expected = [Found("github-pat", "srv/old.env", "1", "deleted in layer 2")]
    assert found_in(scan("--image", folder, "--cache", "cache")) == expected
    layout.path(digest_of(gzip.compress(clean, 1))).unlink(missing_ok=True)
    for blob in (folder / "blobs" / "sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b" and b"readme" in gzip.decompress(blob.read_bytes()):
            blob.unlink()
    assert found_in(scan("--image", folder, "--cache", "cache")) == expected


def test_in_ci_an_image_that_is_known_has_been_looked_at(scan, tmp_path) -> None:
    layout = Layout(tmp_path / "layout")
    folder = layout.index(layout.image(tar_of({"a.env": "clean\n"})))
    assert [scan("--image", folder, "--cache", "cache", CI="1").code for _ in range(2)] == [0, 0]


def test_other_rules_or_settings_look_again(umoci, scan, tmp_path) -> None:
    cache = tmp_path / "cache.sqlite3"
    assert found_in(scan("--image", umoci.layout, "--cache", cache, "--enable", "deepgram-*")) == []
    assert found_in(scan("--image", umoci.layout, "--cache", cache, "--exclude", "srv")) == [LAYERS[2]]
    assert found_in(scan("--image", umoci.layout, "--cache", cache)) == LAYERS


def test_a_damaged_layer_is_looked_at_each_time(scan, tmp_path, key) -> None:
    layout = Layout(tmp_path / "layout")
    layer = layout.blob(gzip.compress(tar_of({"a.env": f"KEY={key('github')}\n"}))[:-9], f"{OCI}.layer.v1.tar+gzip")
    folder = layout.index(layout.manifest([layer], {}))
    first, again = (scan("--image", folder, "--cache", "cache") for _ in range(2))
    assert first.code == again.code == 1
    assert told(first) == told(again)
    assert [skip["reason"] for skip in again.json["skips"]] == ["damaged"]


# ---- platforms -----------------------------------------------------------------------------------------------------


@pytest.fixture
def platforms(tmp_path, key) -> Path:
    """One image for two machines, with BuildKit's attestation of one of them."""
    layout = Layout(tmp_path / "layout")
    machines = [("amd64", "github"), ("arm64", "npm")]
    images = [
        layout.image(
            tar_of({f"{machine}.env": f"KEY={key(kind)}\n"}),
            platform={"os": "linux", "architecture": machine},
        )
        for machine, kind in machines
    ]
    statement = {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {"args": {"T": key("gitlab")}}}
    about = layout.manifest(
        [layout.document(statement, "application/vnd.in-toto+json",
                         annotations={"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"})],
        {},
        platform={"os": "unknown", "architecture": "unknown"},
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": images[0]["digest"],
        },
    )  # fmt: skip
    return layout.index(layout.document({"manifests": [*images, about]}, f"{OCI}.index.v1+json"))


def test_one_platform_of_a_list_with_what_attests_it(platforms, scan) -> None:
    rules = {"amd64": ["github-pat", "gitlab-pat"], "arm64": ["npm-access-token"]}
    for machine, expected in rules.items():
        outcome = scan("--image", platforms, "--platform", f"linux/{machine}")
        assert sorted(one["rule_id"] for one in outcome.json["findings"]) == expected
        assert "were not scanned (--platform all)" in outcome.json["notes"][0]
    assert len(scan("--image", platforms, "--platform", "all").json["findings"]) == 3


def test_an_attestation_says_what_it_is(platforms, scan) -> None:
    outcome = scan("--image", platforms, "--platform", "linux/amd64")
    (finding,) = [one for one in outcome.json["findings"] if one["rule_id"] == "gitlab-pat"]
    assert finding["provenance"]["kind"] == "attestation"
    assert finding["location"]["path"] == "https://slsa.dev/provenance/v1"


def test_a_platform_that_is_not_there(platforms, scan) -> None:
    outcome = scan("--image", platforms, "--platform", "windows/amd64")
    assert outcome.code == 3
    assert "linux/amd64, linux/arm64" in outcome.json["skips"][0]["detail"]
