"""What of the Python library goes into the demo."""

from pathlib import Path

from benchmarks.demo import plant


def test_links_and_byte_code_stay_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("a.py", "b/c.py", "b/__pycache__/c.pyc", "site-packages/other.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("x" * 10)
    (source / "link.py").symlink_to("a.py")
    (source / "empty").mkdir()
    tree = plant(source, tmp_path / "tree")
    assert (tree.files, tree.bytes) == (2, 20)
    found = sorted(str(path.relative_to(tree.path)) for path in tree.path.rglob("*"))
    assert found == ["a.py", "b", "b/c.py"]
