#!/usr/bin/env python3
"""Makes one small file for each way in which pictures are stored or broken, and says what Pillow makes of it.

    make_pictures.py FOLDER

writes FOLDER/files/* and FOLDER/expected.json: for each file either the size and pixels that Python's loaders give
(zlib, base64), with the largest difference that is allowed, or a part of the reason for which it is refused. Where
Pillow would read what is refused here, or the other way round, the case says so ("pillow"). Needs Pillow and numpy; the
committed files were made with Pillow 13.0, whose decoders read more TIFFs than those of 12.3 and the others alike.
"""
import base64, io, json, os, struct, sys, zlib
import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

out = sys.argv[1]
os.makedirs(os.path.join(out, "files"), exist_ok=True)
at = lambda name: os.path.join(out, "files", name)
rng = np.random.default_rng(0)
cases = {}

H, W = 24, 36
yy, xx = np.mgrid[0:H, 0:W]
smooth = np.stack([xx * 7, yy * 10, 255 - (xx + yy) * 4], -1).astype(np.uint8)
noise = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
rgb, noisy = Image.fromarray(smooth), Image.fromarray(noise)
r, g, b = rgb.split()
fourth = Image.fromarray((xx * 7).astype(np.uint8))
rgba = Image.merge("RGBA", (r, g, b, fourth))
grey_alpha = Image.merge("LA", (r, fourth))
cmyk = Image.merge("CMYK", (r, g, b, Image.fromarray((yy * 5).astype(np.uint8))))
cmyk_noise = Image.frombytes("CMYK", (W, H), rng.integers(0, 256, (H, W, 4), dtype=np.uint8).tobytes())


def put(name, content, *, within=0, refused=None, pillow=None, **options):
    """A file, and that it is read within a difference, or refused for a reason."""
    if isinstance(content, Image.Image):
        content.save(at(name), **options)
    else:
        with open(at(name), "wb") as file:
            file.write(content)
    try:
        pixels = as_loaders_do(at(name))
        found = {"width": pixels.width, "height": pixels.height}
        data = base64.b64encode(zlib.compress(pixels.tobytes(), 9)).decode()
    except Exception as error:
        found, data = {"refused": type(error).__name__}, None
    if refused is None:
        assert data is not None, (name, found)
        cases[name] = {**found, "rgb": data, "within": within}
    else:
        assert data is None or pillow == "reads it", (name, found)
        cases[name] = {"refused": refused}
    if pillow:
        cases[name]["pillow"] = pillow


def as_loaders_do(path):
    picture = Image.open(path)
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def encoded(picture, format, **options):
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def exif(orientation):
    block = Image.Exif()
    block[0x112] = orientation
    return block


def xmp(orientation):
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
        % orientation
    )


def tiff(array, photometric, *, bits=8, extra=None, compression=1, planar=1, tile=None, big_endian=False, **more):
    """A TIFF of [height, width, bands] in one strip or in tiles; `more` are tags by number, as t338=(type, values)."""
    order = ">" if big_endian else "<"
    height, width, bands = array.shape
    pack = (lambda data: zlib.compress(data)) if compression == 8 else (lambda data: data)
    array = array.astype(order + {8: "u1", 16: "u2", 32: "f4"}[bits])
    chunks = []
    for plane in [array] if planar == 1 else [array[:, :, k : k + 1] for k in range(bands)]:
        if not tile:
            chunks.append(pack(plane.tobytes()))
            continue
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                square = np.zeros((tile, tile, plane.shape[2]), array.dtype)
                part = plane[top : top + tile, left : left + tile]
                square[: part.shape[0], : part.shape[1]] = part
                chunks.append(pack(square.tobytes()))
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * bands), 259: (3, [compression])}
    tags |= {262: (3, [photometric]), 277: (3, [bands]), 284: (3, [planar])}
    tags |= {322: (3, [tile]), 323: (3, [tile])} if tile else {278: (4, [height])}
    if extra is not None:
        tags[338] = (3, extra)
    tags |= {int(tag[1:]): value for tag, value in more.items()}
    offsets = list(np.cumsum([8] + [len(chunk) + len(chunk) % 2 for chunk in chunks]))
    start = int(offsets.pop())
    tags[324 if tile else 273] = (4, [int(offset) for offset in offsets])
    tags[325 if tile else 279] = (4, [len(chunk) for chunk in chunks])
    table, rest = b"", b""
    for tag in sorted(tags):
        kind, values = tags[tag]
        data = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{'?BBHI'[kind]}", *values)
        if len(data) <= 4:
            field = data.ljust(4, b"\0")
        else:
            field = struct.pack(order + "I", start + 2 + 12 * len(tags) + 4 + len(rest))
            rest += data + b"\0" * (len(data) % 2)
        table += struct.pack(order + "HHI", tag, kind, len(values)) + field
    body = b"".join(chunk + b"\0" * (len(chunk) % 2) for chunk in chunks)
    head = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "I", start)
    return head + body + struct.pack(order + "H", len(tags)) + table + b"\0" * 4 + rest


def png(width, height, depth, kind, rows, *chunks):
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    middle = b"".join(chunk(*each) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# JPEG: kinds of coding and of colours.
put("420.jpg", noisy, quality=90)
put("444.jpg", noisy, quality=95, subsampling=0)
put("422.jpg", noisy, quality=70, subsampling=1)
put("progressive.jpg", noisy, progressive=True)
put("grey.jpg", noisy.convert("L"))
put("rgb.jpg", noisy, keep_rgb=True)
put("cmyk.jpg", cmyk_noise, quality=95)
inverted = encoded(cmyk, "JPEG", quality=95)
adobe = inverted.index(b"Adobe")
put("ycck.jpg", inverted[: adobe + 11] + b"\x02" + inverted[adobe + 12 :])
put("cmyk_without_adobe.jpg", inverted[: adobe - 4] + inverted[adobe + 12 :])

# Orientation, wherever it is said.
for orientation in range(1, 9):
    put(f"exif_orientation_{orientation}.jpg", rgb, exif=exif(orientation), quality=90)
    put(f"xmp_orientation_{orientation}.jpg", rgb, xmp=xmp(orientation), quality=90)
put("xmp_orientation_6_exif_3.jpg", rgb, xmp=xmp(6), exif=exif(3))
put("xmp_orientation_6_exif_9.jpg", rgb, xmp=xmp(6), exif=exif(9))
put("exif_orientation_6.png", rgb, exif=exif(6))
block = b"Exif\0\0" + exif(6).tobytes().removeprefix(b"Exif\0\0")
for name, compressed in [("text_orientation_6.png", False), ("compressed_text_orientation_6.png", True)]:
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=compressed)
    put(name, rgb, pnginfo=text)
text = PngImagePlugin.PngInfo()
text.add_itxt("XML:com.adobe.xmp", xmp(6).decode())
put("xmp_orientation_6.png", rgb, pnginfo=text)
put("exif_orientation_6.webp", rgb, exif=exif(6), lossless=True)
put("xmp_orientation_6.webp", rgb, xmp=xmp(6), lossless=True)
put("orientation_6.tif", rgb, tiffinfo={274: 6})
put("xmp_orientation_6.tif", rgb, tiffinfo={700: xmp(6)})
put("exif_orientation_6.avif", rgb, exif=exif(6), quality=95, subsampling="4:4:4", within=2)
put("xmp_orientation_6.avif", rgb, xmp=xmp(6), quality=95, subsampling="4:4:4", within=2)

# PNG: depths, palettes, transparency.
put("rgb.png", noisy)
put("alpha.png", rgba)
put("grey_alpha.png", grey_alpha)
put("grey.png", r)
put("black_and_white.png", r.convert("1"))
put("palette.png", rgb.quantize(64))
put("palette_4_bits.png", rgb.quantize(16), bits=4)
put("palette_transparency.png", rgb.quantize(64), transparency=bytes(range(0, 256, 4)))
put("colour_transparency.png", rgb, transparency=rgb.getpixel((5, 5)))
for name, kind, bands in [("16_bits.png", 2, 3), ("16_bits_alpha.png", 6, 4), ("16_bits_grey_alpha.png", 4, 2)]:
    deep = rng.integers(0, 65536, (H, W, bands)).astype(">u2")
    put(name, png(W, H, 16, kind, [row.tobytes() for row in deep]))

# GIF, WebP, AVIF.
put("palette.gif", rgb)
put("transparency.gif", rgb.quantize(32), transparency=5)
put("animated.gif", rgb, save_all=True, append_images=[noisy])
put("lossless.webp", noisy, lossless=True)
put("lossy.webp", rgb)
put("alpha.webp", rgba, lossless=True, exact=True)
put("animated.webp", rgb, save_all=True, append_images=[noisy], lossless=True)
avif = dict(quality=95, within=2)
put("444.avif", rgb, subsampling="4:4:4", **avif)
put("420.avif", rgb, subsampling="4:2:0", quality=95, within=12)
put("limited_range.avif", rgb, subsampling="4:4:4", range="limited", quality=95, within=4)
put("grey.avif", rgb, subsampling="4:0:0", **avif)
put("grey_limited_range.avif", rgb, subsampling="4:0:0", range="limited", **avif)
put("alpha.avif", rgba, subsampling="4:4:4", **avif)
put("grey_alpha_limited_range.avif", grey_alpha, subsampling="4:0:0", range="limited", **avif)
put("animated.avif", rgb, subsampling="4:4:4", save_all=True, append_images=[rgb.rotate(180)], **avif)

# TIFF: colours, extra bands, depths, compressions, strips and tiles.
four = np.dstack([smooth, np.asarray(fourth)])
five = np.dstack([four, yy.astype(np.uint8) * 5])
grey = smooth[:, :, :1]
put("rgbx.tif", Image.merge("RGBX", (r, g, b, Image.new("L", rgb.size, 0))))
put("rgb_unspecified.tif", tiff(four, 2, extra=[0]))
put("rgb_associated.tif", tiff(four, 2, extra=[1]), within=1)
put("rgb_unassociated.tif", tiff(four, 2, extra=[2]))
put("rgb_undescribed.tif", tiff(four, 2))
put("rgb_5_bands.tif", tiff(five, 2, extra=[0, 0]))
put("rgb_5_bands_alpha.tif", tiff(five, 2, extra=[2, 0]))
put("grey_unspecified.tif", tiff(four[:, :, [0, 3]], 1, extra=[0]))
put("grey_unassociated.tif", tiff(four[:, :, [0, 3]], 1, extra=[2]))
put("white_is_zero.tif", tiff(grey, 0))
put("16_bits.tif", tiff(noise.astype(int) * 257, 2, bits=16, big_endian=True))
put("16_bits_alpha.tif", tiff(four.astype(int) * 257, 2, bits=16, extra=[2]))
put("floating_point_grey.tif", tiff(grey.astype(float), 1, bits=32, t339=(3, [3])))
put("cmyk.tif", tiff(np.asarray(cmyk_noise), 5))
put("cmyk_lzw.tif", cmyk, compression="tiff_lzw")
put("cmyk_16_bits.tif", tiff(four.astype(int) * 257, 5, bits=16))
put("cmyk_unspecified.tif", tiff(five, 5, extra=[0]))
put("cmyk_planes.tif", tiff(four, 5, planar=2))
put("ycbcr.tif", rgb.convert("YCbCr"), within=1)
put("ycbcr_deflate.tif", tiff(np.asarray(rgb.convert("YCbCr")), 6, compression=8, t530=(3, [1, 1])), within=1)
colours = [int(value) * 257 for value in rng.integers(0, 256, 768)]
put("palette.tif", tiff(grey, 3, t320=(3, colours)))
put("palette_unspecified.tif", tiff(four[:, :, [0, 3]], 3, extra=[0], t320=(3, colours)))
put("group4.tif", r.convert("1"), compression="group4")
for compression in ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]:
    put(f"{compression}.tif", rgb, compression=compression)
put("tiles.tif", tiff(noise, 2, tile=16, big_endian=True))
put("tiles_deflate.tif", tiff(noise, 2, tile=16, compression=8))
put("tiles_unspecified.tif", tiff(four, 2, tile=16, extra=[0], compression=8))
put("tiles_planes.tif", tiff(noise, 2, tile=16, planar=2))
put("tiles_cmyk.tif", tiff(four, 5, tile=16))

# Refused: bands and kinds that the format may have, and libvips or Pillow do not read.
put("grey_3_bands.tif", tiff(smooth, 1), refused="3 bands of grey")
put("grey_4_bands.tif", Image.merge("CMYK", (r,) * 4), tiffinfo={262: 1}, refused="4 bands of grey")
put("rgb_2_bands.tif", tiff(smooth[:, :, :2], 2), refused="2 bands of RGB")
put("cmyk_alpha.tif", tiff(five, 5, extra=[2]), refused="CMYK with transparency")
put("rgb_floating_point.tif", tiff(smooth / 255, 2, bits=32, t339=(3, [3] * 3)), refused="32, 32, 32 bits of RGB")
put("12_bits.tif", tiff(grey.astype(int), 1, bits=16, t258=(3, [12])), refused="12 bits of grey", pillow="reads it")
signed = dict(refused="signed numbers", pillow="reads it")
put("signed.tif", tiff(grey, 1, t339=(3, [2])), **signed)
put("ycbcr_subsampled.tif", tiff(smooth, 6, compression=8, t530=(3, [2, 2])), refused="subsampled", pillow="reads it")
put("lab.tif", rgb.convert("LAB"), refused="unsupported tiff file (Lab colours)", pillow="reads it")
put("zstd.tif", rgb, compression="zstd", refused="unsupported tiff file (ZSTD compression)", pillow="reads it")
put("lzma.tif", rgb, compression="lzma", refused="unsupported tiff file (LZMA compression)", pillow="reads it")
put("old_jpeg.tif", tiff(smooth, 2, compression=6), refused="old-style JPEG compression")
put("raw.dng", tiff(smooth, 2, t50706=(1, [1, 4, 0, 0])), refused="a camera's raw file", pillow="reads it")
put("raw.nef", tiff(smooth, 2, t254=(4, [1]), t330=(4, [8])), refused="a camera's raw file", pillow="reads it")
put("raw.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", refused="a camera's raw file")
jpeg = encoded(noisy, "JPEG")
frame = jpeg.index(b"\xff\xc0")
put("12_bits.jpg", jpeg[: frame + 4] + b"\x0c" + jpeg[frame + 5 :], refused="unsupported jpeg file (12 bits")
put("lossless.jpg", jpeg[:frame] + b"\xff\xc3" + jpeg[frame + 2 :], refused="unsupported jpeg file (lossless")
put("picture.jp2", rgb, refused="a JPEG 2000 image", pillow="reads it")
put("icon.ico", rgb, refused="a Windows icon", pillow="reads it")
put("picture.bmp", rgb, refused="a BMP image", pillow="reads it")
put("picture.jxl", b"\xff\x0a" + bytes(30), refused="a JPEG XL image")
put("document.psd", b"8BPS\0\1" + bytes(30), refused="a Photoshop document")
put("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", refused="a HEIC image (convert it")
put("drawing.svg", b"<!-- drawn --><svg xmlns='http://www.w3.org/2000/svg'/>", refused="an SVG image")
put("video.jpg", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", refused="a video")
put("page.jpg", b"<!DOCTYPE html><html></html>", refused="an HTML page")
put("empty.jpg", b"", refused="an empty file")

# Refused as damaged: broken off, gone on as another file, tiles and strips that cannot be unpacked.
big = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
whole = encoded(big, "JPEG", quality=30, restart_marker_blocks=4)
middle = len(whole) // 2
damaged_jpeg = "a damaged jpeg file"
put("cut.jpg", whole[:middle], refused=damaged_jpeg)
put("goes_on_as_another.jpg", whole[:middle] + whole, refused="another file begins within it")
start = whole.index(b"\xff\xc0")
put("second_frame.jpg", whole[:middle] + whole[start : start + 19] + whole[middle:], refused="a second picture")
plain = encoded(big, "JPEG", quality=30)
put("impossible_marker.jpg", plain[:middle] + b"\xff\x02" + plain[middle:], refused="an impossible marker")
put("zeros_at_the_end.jpg", whole[:middle] + bytes(len(whole) - middle), refused=damaged_jpeg)
put("cut_progressive.jpg", encoded(big, "JPEG", quality=30, progressive=True)[:1500], refused=damaged_jpeg)
squares = tiff(np.asarray(big), 2, tile=32, compression=8)
middle = len(squares) // 2
broken = squares[:middle] + bytes(byte ^ 255 for byte in squares[middle : middle + 40]) + squares[middle + 40 :]
put("broken_tile.tif", broken, refused="a damaged tiff file")
put("cut.tif", squares[:middle], refused="a damaged tiff file")
strip = tiff(np.asarray(big), 2, compression=8)
put("broken_strip.tif", strip[:4000] + bytes(40) + strip[4040:], refused="a damaged tiff file")
put("cut.png", encoded(big, "PNG")[:6000], refused="a damaged png file")
put("cut.webp", encoded(big, "WEBP", lossless=True)[:6000], refused="a damaged webp file")
put("cut.gif", encoded(big, "GIF")[:2000], refused="a damaged gif file")
put("cut.avif", encoded(big, "AVIF")[:1500], refused="a damaged avif file")

# Accepted although something is amiss, as Pillow does.
put("ends_at_once.jpg", whole[: len(whole) // 2] + b"\xff\xd9")
put("application_data_within.jpg", plain[: len(plain) // 2] + b"\xff\xe1\0\4ab" + plain[len(plain) // 2 :])
put("junk_behind.jpg", whole + b"\xff\xd8 junk")
put("no_end_marker.jpg", plain[:-2] + bytes(4000))

with open(os.path.join(out, "expected.json"), "w") as file:
    json.dump(cases, file, indent=1)
print(len(cases), "cases", sum(os.path.getsize(at(name)) for name in cases) // 1024, "kB")
