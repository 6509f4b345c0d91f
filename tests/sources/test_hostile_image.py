"""Images made to mislead or to exhaust: what can be read is scanned, what cannot is a Skip, nothing is written."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from image_support import OCI, Layout, digest_of, found_in, run, tar_of, tool
from support import Outcome

PACKED = f"{OCI}.layer.v1.tar+gzip"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def of_layer(layout: Layout, content: bytes, media_type: str = PACKED) -> Path:
    """A layout with one image of one layer, which is these bytes."""
    return layout.index(layout.manifest([layout.blob(content, media_type)], {}))


def reasons(outcome: Outcome) -> list[str]:
    assert outcome.code in (1, 3), outcome.stderr
    return sorted(skip["reason"] for skip in outcome.json["skips"])


def raw_tar(*entries: tuple[dict[str, Any], bytes]) -> bytes:
    """A tar of headers with any fields."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for fields, content in entries:
            entry = tarfile.TarInfo()
            for name, value in fields.items():
                setattr(entry, name, value)
            if entry.isreg():
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def test_names_that_lead_out_of_the_image_are_names_only(layout, scan, key, tmp_path) -> None:
    secret = f"KEY={key('github')}\n".encode()
    folder = of_layer(layout, gzip.compress(raw_tar(
        ({"name": "../../../../tmp/out.env"}, secret),
        ({"name": "/etc/absolute.env"}, secret),
        ({"name": "link", "type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, b""),
        ({"name": "hard", "type": tarfile.LNKTYPE, "linkname": "../../../etc/shadow"}, b""),
        ({"name": "link/below.env"}, secret),
        ({"name": "null", "type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, b""),
        ({"name": "pipe", "type": tarfile.FIFOTYPE}, b""),
        ({"name": "line\nbreak\x1b[31m.env"}, secret),
    )))  # fmt: skip
    before = set(tmp_path.rglob("*"))
    outcome = scan("--no-cache", "--image", folder)
    assert sorted(one.path for one in found_in(outcome)) == [
        "etc/absolute.env", "line\\nbreak\\x1b[31m.env", "link/below.env", "tmp/out.env",
    ]  # fmt: skip
    assert set(tmp_path.rglob("*")) == before
    assert not Path("/tmp/out.env").exists()


@pytest.mark.parametrize("packer", [bz2.compress, gzip.compress], ids=["bzip2", "gzip"])
def test_a_bomb_is_cut_off(layout, scan, key, packer) -> None:
    tar = tar_of({"a.env": f"KEY={key('github')}\n", "zeros": bytes(200 << 20)})
    outcome = scan("--no-cache", "--image", of_layer(layout, packer(tar)), "--max-layer-ratio", "900")
    assert reasons(outcome) == ["bomb"]
    assert [one["location"]["path"] for one in outcome.json["findings"]] == ["a.env"]


def test_a_bomb_of_zstd_is_cut_off_early(layout, scan, tmp_path) -> None:
    """150 MB of zeros come of 14 kB."""
    (tmp_path / "zeros").write_bytes(tar_of({"zeros": bytes(150 << 20)}))
    run(tool("zstd"), "-q", "-19", tmp_path / "zeros")
    outcome = scan(
        "--no-cache", "--image", of_layer(layout, (tmp_path / "zeros.zst").read_bytes(), f"{OCI}.layer.v1.tar+zstd")
    )
    assert reasons(outcome) == ["bomb"]


def test_limits_are_options(layout, scan, key) -> None:
    tar = tar_of({"a.env": f"KEY={key('github')}\n", "zeros": bytes(3 << 20), "b.env": f"KEY={key('npm')}\n"})
    folder = of_layer(layout, gzip.compress(tar))
    assert reasons(scan("--no-cache", "--image", folder, "--max-layer-size", "2M")) == ["too large"]
    assert reasons(scan("--no-cache", "--image", folder, "--max-layer-members", "2")) == ["limit reached"]
    assert reasons(scan("--no-cache", "--image", folder, "--max-file-size", "1M")) == ["too large"]
    assert found_in(scan("--no-cache", "--image", folder))[1].path == "b.env"


def test_so_many_entries_are_gone_through(layout, scan) -> None:
    out = io.BytesIO()
    entry = tarfile.TarInfo()
    for number in range(20_000):
        entry.name = f"d{number % 100}/f{number}"
        out.write(entry.tobuf())
    folder = of_layer(layout, gzip.compress(out.getvalue() + bytes(1024), 1))
    assert scan("--no-cache", "--image", folder, "--max-layer-members", "20000").code == 0
    assert reasons(scan("--no-cache", "--image", folder, "--max-layer-members", "19999")) == ["limit reached"]


@pytest.mark.parametrize("cut", [20, 700, 5000])
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
def test_a_layer_that_breaks_off_is_scanned_up_to_there(layout, scan, key, cut, packed) -> None:
    tar = tar_of({"a.env": f"KEY={key('github')}\n", "noise": os.urandom(40_000)})
    content = gzip.compress(tar) if packed else tar
    layer = layout.blob(content, PACKED)
    layout.path(layer["digest"]).write_bytes(content[:-cut])
    outcome = scan("--no-cache", "--image", layout.index(layout.manifest([layer], {})))
    assert reasons(outcome) in (["damaged"], ["wrong digest"])
    assert [one["location"]["path"] for one in outcome.json["findings"]] == ["a.env"]


def test_bytes_behind_the_end_of_a_tar_are_told_of(layout, scan, key) -> None:
    hidden = tar_of({"a": "1"}) + tar_of({"hidden.env": f"KEY={key('github')}\n"})
    assert reasons(scan("--no-cache", "--image", of_layer(layout, gzip.compress(hidden)))) == ["unread"]


@pytest.mark.parametrize(
    "field",
    [
        (124, b"77777777777\0"),  # 8 GB
        (124, b"\xff" * 12),  # base 256: -1
        (124, b"\x80" + b"\x7f" * 11),
        (156, b"L"),  # a long name, and what follows is one
        (156, b"x"),
        (156, b"S"),  # sparse, without a map
        (257, b"garbage!"),
    ],
)
def test_headers_that_lie_cost_no_memory(layout, tmp_path, field) -> None:
    """Each field of the header is one that tarfile would believe; the rest of the layer is zeros."""
    at, value = field
    header = bytearray(tar_of({"name": "x" * 100})[:512])
    header[at : at + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    folder = of_layer(layout, gzip.compress(bytes(header) + b"x" * 512 + bytes(64 << 20), 1))
    scan = [sys.executable, "-m", "llmsecrets", "scan", "-q", "--image", str(folder)]
    # A process starts with the size of the one it was forked from: a small one in between tells the scan's own.
    script = (
        f"import resource, subprocess; code = subprocess.run({scan!r}).returncode\n"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    code, peak = done.stdout.split()[-2:]
    assert code in ("0", "3"), done.stderr
    assert int(peak) < 300_000, "kB"


def test_a_long_name_without_end_is_refused(layout, scan) -> None:
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 32 << 20
    tar = entry.tobuf() + b"n" * entry.size + tarfile.TarInfo("file").tobuf() + bytes(1024)
    assert reasons(scan("--no-cache", "--image", of_layer(layout, gzip.compress(tar, 1)))) == ["damaged"]


def test_what_a_sparse_file_stores_is_scanned_not_what_it_claims(layout, scan, key, tmp_path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.seek(10 << 30)
        file.write(f"KEY={key('github')}\n".encode())
    for format in ("gnu", "pax"):
        run("tar", "-S", f"--format={format}", "-cf", f"{format}.tar", "sparse", cwd=tmp_path)
        outcome = scan("--no-cache", "--image", of_layer(layout, (tmp_path / f"{format}.tar").read_bytes()))
        assert [one.path for one in found_in(outcome)] == ["sparse"]


# ---- manifests -----------------------------------------------------------------------------------------------------


def test_a_list_that_names_itself_ends(layout, scan, key) -> None:
    image = layout.image(tar_of({"a.env": f"KEY={key('github')}\n"}))
    itself = layout.document({"manifests": [image]}, f"{OCI}.index.v1+json")
    listing = json.dumps({"manifests": [image, itself, itself]}).encode()
    layout.path(itself["digest"]).write_bytes(listing)
    outcome = scan("--no-cache", "--image", layout.index(itself))
    assert reasons(outcome) == ["wrong digest"]
    honest = layout.blob(listing, f"{OCI}.index.v1+json")
    layout.path(itself["digest"]).write_bytes(json.dumps({"manifests": [image]}).encode())
    assert [one.path for one in found_in(scan("--no-cache", "--image", layout.index(honest, honest)))] == ["a.env"]


def test_lists_are_followed_so_deep(layout, scan) -> None:
    at = layout.image(tar_of({"a": "1"}))
    for _ in range(6):
        at = layout.document({"manifests": [at]}, f"{OCI}.index.v1+json")
    assert reasons(scan("--no-cache", "--image", layout.index(at))) == ["too deep"]


@pytest.mark.parametrize(
    "manifest",
    [b"", b"nothing", b"[" * 100_000, b"[]", b"{}", b'{"layers": 7}', b'{"layers": [], "config": "x"}',
     b'{"layers": [{"digest": "md5:00"}]}', b'{"layers": [], "config": {"digest": "../../etc/passwd"}}',
     b" " * (9 << 20),
     b'{"schemaVersion": 1, "fsLayers": []}', b"1" * 5000],
    ids=lambda content: repr(content[:24]),
)  # fmt: skip
def test_manifests_that_are_none(layout, scan, manifest) -> None:
    outcome = scan("--no-cache", "--image", layout.index(layout.blob(manifest, f"{OCI}.manifest.v1+json")))
    assert len(reasons(outcome)) == 1


@pytest.mark.parametrize(
    "config",
    [
        {"history": 7, "config": [], "rootfs": "x"},
        {"history": [None, {"created_by": 7}, {"created_by": "|x"}, {"created_by": "|99999999999999999999 a=b"}]},
        {"config": {"Env": {"a": 1}, "Labels": ["x"], "Cmd": {"deep": [[[["x"]]]]}}},
        {"rootfs": {"diff_ids": [7, "sha256:zz", {}]}},
    ],
)
def test_configurations_of_any_shape(layout, scan, key, config) -> None:
    folder = layout.index(layout.image(tar_of({"a.env": f"KEY={key('github')}\n"}), config=config))
    assert [one.path for one in found_in(scan("--no-cache", "--image", folder))] == ["a.env"]


@pytest.mark.parametrize(
    "config",
    [
        {"config": {"Env": {"TOKEN": "KEY"}}},
        {"config": {"Env": [{"name": "KEY"}]}},
        {"config": {"Labels": ["token=KEY"]}},
        {"config": ["KEY"]},
        {"history": {"created_by": "KEY"}},
        {"history": ["KEY"]},
        {"history": [{"created_by": ["KEY"]}]},
        {"history": [{"created_by": "RUN true", "args": {"a": "KEY"}}]},
        {"x": json.loads('{"a":[' * 200 + '"KEY"' + "]}" * 200)},
    ],
    ids=lambda config: json.dumps(config)[:60],
)
def test_a_configuration_of_another_shape_is_read_all_the_same(layout, scan, key, config) -> None:
    config = json.loads(json.dumps(config).replace("KEY", key("github")))
    outcome = scan("--no-cache", "--image", layout.index(layout.image(tar_of({"a": "1"}), config=config)))
    assert [one.rule for one in found_in(outcome)] == ["github-pat"]


def _lists_as_objects(layout, image):
    return layout.index(image, [image], {"size": "1"}, "text")  # what is no descriptor, beside one that is


def _one_bad_of_a_list(layout, image):
    return layout.index(layout.document({"manifests": [{"digest": 7}, image]}, f"{OCI}.index.v1+json"))


def _bad_layers(layout, image):
    manifest = json.loads(layout.path(image["digest"]).read_bytes())
    manifest["layers"] = [{"digest": "md5:00"}, *({**layer, "size": "12"} for layer in manifest["layers"]), 7]
    return layout.index(layout.document(manifest, f"{OCI}.manifest.v1+json"))


def _bad_config(config):
    def of(layout, image):
        manifest = json.loads(layout.path(image["digest"]).read_bytes())
        manifest["config"] = layout.blob(config, f"{OCI}.config.v1+json") if isinstance(config, bytes) else config
        return layout.index(layout.document(manifest, f"{OCI}.manifest.v1+json"))

    return of


@pytest.mark.parametrize(
    ("made", "details"),
    [
        (_lists_as_objects, ["entry 2 of manifests of index.json is not an object",
                             "entry 3 of manifests of index.json has no usable digest: 'None'",
                             "entry 4 of manifests of index.json is not an object"]),
        (_one_bad_of_a_list, ["has no usable digest: '7'"]),
        (_bad_layers, ["layer 1 has no usable digest: 'md5:00'", "layer 3 is not an object"]),
        (_bad_config(b"[]"), ["the image's configuration is not an object"]),
        (_bad_config(b"{"), ["the image's configuration is not sound JSON"]),
        (_bad_config({"digest": "sha256:" + "0" * 64}), ["blobs/sha256/000"]),
        (_bad_config("x"), ["the configuration's entry in the manifest is not an object"]),
    ],
    ids=["entries", "one of a list", "layers", "a list", "no JSON", "absent", "no descriptor"],
)  # fmt: skip
def test_what_is_not_what_it_should_be_is_a_skip_and_the_rest_is_scanned(layout, scan, key, made, details) -> None:
    folder = made(layout, layout.image(tar_of({"a.env": f"KEY={key('github')}\n"})))
    for target in (folder, _packed(folder)):
        outcome = scan("--no-cache", "--image", target)
        assert [one["location"]["path"] for one in outcome.json["findings"]] == ["a.env"]
        told = [skip["detail"] for skip in outcome.json["skips"]]
        assert [expected in detail for expected, detail in zip(details, told, strict=True)] == [True] * len(details)


def _packed(folder: Path) -> Path:
    archive = folder.with_suffix(".tar")
    run("tar", "-C", folder, "-cf", archive, ".")
    return archive


def test_a_layer_without_a_byte_holds_nothing(layout, scan, key) -> None:
    empty = [layout.blob(content, PACKED) for content in (b"", gzip.compress(b""), gzip.compress(bytes(1024)))]
    full = layout.blob(tar_of({"a.env": f"KEY={key('github')}\n"}), PACKED)
    folder = layout.index(layout.manifest([*empty, full], {}))
    assert [one.layer for one in found_in(scan("--no-cache", "--image", folder))] == ["4"]


def test_a_layer_that_stands_there_again_puts_its_files_back(layout, scan, key) -> None:
    tar, gone = tar_of({"a.env": f"KEY={key('github')}\n"}), tar_of({".wh.a.env": ""})
    folder = layout.index(layout.image(tar, gone, tar))
    assert [(one.layer, one.state) for one in found_in(scan("--no-cache", "--image", folder))] == [("1", "visible")]


def test_an_attestation_about_what_is_not_there_is_scanned(layout, scan, key) -> None:
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest_of(b"gone")}
    statement = layout.document({"T": key("gitlab")}, "application/vnd.in-toto+json")
    listed = [layout.image(tar_of({"a": "1"})), layout.manifest([statement], {}, annotations=about)]
    folder = layout.index(layout.document({"manifests": listed}, f"{OCI}.index.v1+json"))
    assert [one.rule for one in found_in(scan("--no-cache", "--image", folder))] == ["gitlab-pat"]


def test_a_platform_is_chosen_of_whatever_an_archive_lists(layout, scan, key, tmp_path) -> None:
    """An index.json may name the images themselves, and docker's manifest.json knows of no platforms."""
    configs = [{"os": "linux", "architecture": name} for name in ("amd64", "arm64")]
    tars = [tar_of({f"{name}.env": f"KEY={key(kind)}\n"}) for name, kind in (("amd64", "github"), ("arm64", "npm"))]
    flat = layout.index(*(layout.image(tar, config=config) for tar, config in zip(tars, configs, strict=True)))
    files = {f"{n}.json": json.dumps(config) for n, config in enumerate(configs)}
    files |= {"manifest.json": json.dumps([{"Config": f"{n}.json", "Layers": [f"{n}.tar"]} for n in (0, 1)])}
    (tmp_path / "saved.tar").write_bytes(tar_of({**files, "0.tar": tars[0], "1.tar": tars[1]}))
    for target in (flat, tmp_path / "saved.tar"):
        outcome = scan("--no-cache", "--image", target, "--platform", "linux/arm64")
        assert [one.path for one in found_in(outcome)] == ["arm64.env"]
        assert outcome.json["notes"] == ["images for linux/amd64 were not scanned (--platform all)"]
        assert reasons(scan("--no-cache", "--image", target, "--platform", "linux/s390x")) == ["no such platform"]


def test_an_artifact_without_a_configuration(layout, scan, key) -> None:
    """As ORAS makes them: files with a title each."""
    layer = layout.blob(f"KEY={key('github')}\n".encode(), "text/plain",
                        annotations={"org.opencontainers.image.title": "a.env"})  # fmt: skip
    folder = layout.index(layout.document({"artifactType": "x/y", "layers": [layer]}, f"{OCI}.manifest.v1+json"))
    assert [one.path for one in found_in(scan("--no-cache", "--image", folder))] == ["a.env"]


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"manifests": {}}', b"text", b"[" * 100_000])
def test_an_index_that_is_none_is_told(layout, scan, content) -> None:
    (layout.folder / "index.json").write_bytes(content)
    outcome = scan("--no-cache", "--image", layout.folder)
    assert reasons(outcome) == ["damaged"]
    assert outcome.code == 3


@pytest.mark.parametrize("index", [None, "[]", '{"manifests": 7}'])
def test_a_saved_image_beside_what_is_none(scan, key, tmp_path, index) -> None:
    """Newer docker writes both documents; the old one is read where the new one cannot be."""
    good = {"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l.tar", 7, "", "absent.tar"]}
    documents = {"manifest.json": json.dumps([[], {"Config": 7, "Layers": "l.tar"}, good]), "c.json": "{}"}
    documents |= {"index.json": index} if index else {}
    layer = tar_of({"a.env": f"KEY={key('github')}\n"})
    (tmp_path / "saved.tar").write_bytes(tar_of({**documents, "l.tar": layer}))
    outcome = scan("--no-cache", "--image", "saved.tar")
    assert [one["location"]["path"] for one in outcome.json["findings"]] == ["a.env"]
    assert sorted(skip["detail"] for skip in outcome.json["skips"]) == sorted([
        "entry 1 of manifest.json is not an object", "Config in manifest.json is not the path of a file",
        "the list of layers is not a list", "layer 2 is not the path of a file", "layer 3 is not the path of a file",
        "absent.tar is not in the archive",
        *({None: [], "[]": ["index.json is not an object"]}.get(index, ["manifests of index.json is not a list"])),
    ])  # fmt: skip


def test_a_manifest_json_that_is_no_list(scan, tmp_path) -> None:
    (tmp_path / "saved.tar").write_bytes(tar_of({"manifest.json": "{}"}))
    outcome = scan("--no-cache", "--image", "saved.tar")
    assert (outcome.code, [skip["detail"] for skip in outcome.json["skips"]]) == (3, ["manifest.json is not a list"])


def test_a_blob_that_is_a_link_leads_nowhere(layout, scan, tmp_path) -> None:
    (tmp_path / "outside").write_text("{}")
    digest = digest_of(b"something")
    layout.path(digest).symlink_to(tmp_path / "outside")
    outcome = scan("--no-cache", "--image", layout.index({"digest": digest, "size": 2}))
    assert reasons(outcome) == ["wrong digest"]


def test_links_in_an_archive_go_round_in_it_only(scan, tmp_path) -> None:
    manifest = json.dumps([{"Config": "c.json", "RepoTags": None, "Layers": ["a/layer.tar", "out/layer.tar"]}])
    content = raw_tar(
        ({"name": "a/layer.tar", "type": tarfile.SYMTYPE, "linkname": "../b/layer.tar"}, b""),
        ({"name": "b/layer.tar", "type": tarfile.SYMTYPE, "linkname": "../a/layer.tar"}, b""),
        ({"name": "out/layer.tar", "type": tarfile.SYMTYPE, "linkname": "../../../etc/passwd"}, b""),
        ({"name": "c.json"}, b"{}"),
        ({"name": "manifest.json"}, manifest.encode()),
    )
    for name, data in (("saved.tar", content), ("saved.tar.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        assert set(reasons(scan("--no-cache", "--image", name))) <= {"missing", "damaged"}


def test_an_archive_that_breaks_off_gives_what_it_has(scan, key, tmp_path) -> None:
    layer = tar_of({"a.env": f"KEY={key('github')}\n"})
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["l.tar"]}])
    whole = tar_of({"manifest.json": manifest, "c.json": "{}", "l.tar": layer, "more": bytes(9000)})
    (tmp_path / "cut.tar").write_bytes(whole[:-8000])
    outcome = scan("--no-cache", "--image", "cut.tar")
    assert reasons(outcome) == ["damaged"]
    assert [one["location"]["path"] for one in outcome.json["findings"]] == ["a.env"]


@pytest.mark.parametrize(
    "content",
    [b"", b"text", bytes(5000), tar_of({"a": "b"}), gzip.compress(b"x"), zlib.compress(b"x")],
    ids=["empty", "text", "zeros", "tar", "gzip", "zlib"],
)
def test_a_file_that_is_no_image_is_an_error(scan, tmp_path, content) -> None:
    (tmp_path / "file").write_bytes(content)
    outcome = scan("--no-cache", "--image", "file")
    assert outcome.code == 3
    assert "not an image" in outcome.stderr
