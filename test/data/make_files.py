"""Writes test/data/files: what Python's own libraries make of four rows with pictures (datasets, pyarrow, tarfile)."""

import io
import json
import tarfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

files = Path(__file__).parent / "files"
files.mkdir(exist_ok=True)


def png(red: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), (red, 0, 0)).save(out, "PNG")
    return out.getvalue()


pictures = [png(10 * i) for i in range(4)]
questions = [f"how many in {i}?" for i in range(4)]
answers = ["0", "1", "2", "3"]
struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
cells = [{"bytes": picture, "path": f"{i}.png"} for i, picture in enumerate(pictures)]
base = {"question": questions, "answer": answers}

# As `datasets` itself writes it, a class label among the columns.
features = datasets.Features(
    question=datasets.Value("string"),
    answer=datasets.Value("string"),
    kind=datasets.ClassLabel(names=["chart", "photo"]),
    image=datasets.Image(),
)
rows = {**base, "kind": [0, 1, 1, 0], "image": cells}
datasets.Dataset.from_dict(rows, features=features).to_parquet(files / "datasets.parquet", batch_size=3)

listed = [[cells[0]], [cells[1]], [], [cells[2], cells[3]]]
table = pa.table({**base, "images": pa.array(listed, pa.list_(struct))})
pq.write_table(table, files / "lists.parquet", row_group_size=3, compression="zstd")

raw = pa.table({"problem": questions, "solution": [0, 1, 2, 3], "photo": pa.array(pictures, pa.binary())})
pq.write_table(raw, files / "bytes.parquet", row_group_size=2, compression="gzip", write_page_index=True)

broken = (files / "datasets.parquet").read_bytes()
(files / "cut.parquet").write_bytes(broken[: len(broken) // 2])
(files / "damaged.parquet").write_bytes(broken[:300].replace(b"PNG", b"\xff\xff\xff")[:4] + bytes(296) + broken[300:])

for name, form in {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}.items():
    with tarfile.open(files / f"{name}.tar", "w", format=form) as tar:
        for i, picture in enumerate(pictures):
            key = f"{i:06}" if i < 3 else "a_long_name/" * 12 + "000003"
            row = {"question": questions[i], "answer": i, "meta": {"round": 1}}
            for extension, data in {"json": json.dumps(row).encode(), "png": picture}.items():
                member = tarfile.TarInfo(f"{key}.{extension}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def shapes(i: int) -> bytes:
    """A picture of the embedded model's size with a few coloured things."""
    image = Image.new("RGB", (48, 48), (235, 235, 235))
    draw = ImageDraw.Draw(image)
    for j in range(1 + i % 4):
        x, y = 16 * (j % 3), 16 * (i % 3)
        draw.ellipse([x + 2, y + 2, x + 13, y + 13], fill=[(220, 40, 40), (40, 160, 60), (50, 80, 220)][(i + j) % 3])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


drawn = [shapes(i) for i in range(9)]
features = datasets.Features(image=datasets.Image(), question=datasets.Value("string"), answer=datasets.Value("string"))
asked = ["how many red circle ?", "is there a blue circle ?", "what color is the square ?"]
truths = [str(i % 4) for i in range(9)]
rows = {"image": [{"bytes": each, "path": None} for each in drawn], "question": [asked[i % 3] for i in range(9)], "answer": truths}
datasets.Dataset.from_dict(rows, features=features).to_parquet(files / "pool.parquet", batch_size=3)
