import { useEffect, useRef, useState } from "preact/hooks";
import type { Sight } from "../../answers.ts";
import { visible } from "../../format.ts";
import { paths } from "../../paths.ts";
import { useAnswer } from "../loading.ts";
import { source } from "../source.ts";

interface ImageOf {
  readonly run: string;
  readonly image: { readonly id: string; readonly name: string };
}

/** A small picture; where there is none, its place. */
export function Thumbnail({ run, image, size }: ImageOf & { readonly size: number }) {
  const [isMissing, setMissing] = useState(false);
  if (isMissing) {
    return (
      <span class="nopicture quiet" title={`${visible(image.name)}: the image was not stored, or is damaged`}>
        –
      </span>
    );
  }
  return (
    <img
      src={source.image(run, image.id, size)}
      alt={visible(image.name)}
      width={size}
      height={size}
      loading="lazy"
      decoding="async"
      onError={() => setMissing(true)}
    />
  );
}

const MOST_ZOOM = 32;

/** A picture to zoom (wheel, +, −, double click) and pan (drag), beside what the model saw of it. */
export function Viewer({ run, image }: ImageOf) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ zoom: 1, x: 0, y: 0 });
  const [size, setSize] = useState<{ width: number; height: number } | null>(null);
  const [isMissing, setMissing] = useState(false);
  const [showsSeen, setShowsSeen] = useState(false);
  const sight = useAnswer<Sight | null>(size && paths.sight(run, size));
  const zoomBy = (factor: number, atX = 0.5, atY = 0.5) =>
    setView(({ zoom, x, y }) => {
      const next = Math.min(MOST_ZOOM, Math.max(1, zoom * factor));
      const { clientWidth: width, clientHeight: height } = frame.current as HTMLDivElement;
      const move = (offset: number, at: number, length: number) =>
        Math.min(0, Math.max(length * (1 - next), at * length - ((at * length - offset) * next) / zoom));
      return { zoom: next, x: move(x, atX, width), y: move(y, atY, height) };
    });
  useEffect(() => {
    const { current } = frame;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top, width, height } = (current as HTMLDivElement).getBoundingClientRect();
      zoomBy(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - left) / width, (event.clientY - top) / height);
    };
    current?.addEventListener("wheel", onWheel, { passive: false });
    return () => current?.removeEventListener("wheel", onWheel);
  }, []);
  const onPointerMove = ({ movementX, movementY, buttons }: PointerEvent) => {
    if ((buttons & 1) === 0) return;
    const { clientWidth: width, clientHeight: height } = frame.current as HTMLDivElement;
    setView(({ zoom, x, y }) => ({
      zoom,
      x: Math.min(0, Math.max(width * (1 - zoom), x + movementX)),
      y: Math.min(0, Math.max(height * (1 - zoom), y + movementY)),
    }));
  };
  const seen = sight.value ?? null;
  const src = source.image(run, image.id);
  return (
    <figure style={{ margin: 0 }}>
      <div
        ref={frame}
        class={`viewer ${size && size.width < 300 ? "sharp" : "smooth"}`}
        role="group"
        aria-label="Picture; plus and minus zoom, 0 shows all of it"
        tabIndex={0}
        onPointerMove={onPointerMove}
        onDblClick={() => (view.zoom > 1 ? setView({ zoom: 1, x: 0, y: 0 }) : zoomBy(3))}
        onKeyDown={({ key }) => {
          if (key === "+" || key === "=") zoomBy(1.25);
          if (key === "-") zoomBy(0.8);
          if (key === "0") setView({ zoom: 1, x: 0, y: 0 });
        }}
      >
        {isMissing || src === "" ? (
          <p class="empty" style={{ padding: "20px" }}>
            The image was not stored, or its file is damaged.
          </p>
        ) : showsSeen && seen ? (
          <Seen src={src} sight={seen} view={view} />
        ) : (
          <img
            src={src}
            alt={visible(image.name)}
            draggable={false}
            style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})` }}
            onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => {
              if (!size) setSize({ width, height });
            }}
            onError={() => setMissing(true)}
          />
        )}
      </div>
      <figcaption class="quiet" style={{ marginTop: "6px" }}>
        <span class="said">{visible(image.name)}</span>
        {size && ` · ${size.width} × ${size.height}`}
        {seen && (
          <div>
            <button type="button" aria-pressed={showsSeen} onClick={() => setShowsSeen(!showsSeen)}>
              {showsSeen ? "as the model saw it" : "original"}
            </button>{" "}
            {sightText(seen)}
          </div>
        )}
      </figcaption>
    </figure>
  );
}

function sightText({ size, tiles, rows, columns, tokens }: Sight): string {
  const cut = rows > 0 ? `, ${rows} × ${columns} tiles and the whole` : "";
  return `model: ${size.width} × ${size.height}${cut}, ${tokens} tokens${tiles === 1 ? "" : ` in ${tiles} tiles`}`;
}

/** The picture at the model's resolution, with the borders of its tiles. */
function Seen({
  src,
  sight: { size, rows, columns },
  view,
}: {
  readonly src: string;
  readonly sight: Sight;
  readonly view: { readonly zoom: number; readonly x: number; readonly y: number };
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new Image();
    image.onload = () => {
      const context = canvas.current?.getContext("2d");
      if (!context) return;
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, size.width, size.height);
      context.strokeStyle = "#e08619";
      context.lineWidth = Math.max(1, size.width / 400);
      for (let row = 1; row < rows; row++) line(context, 0, (row * size.height) / rows, size.width, 0);
      for (let column = 1; column < columns; column++)
        line(context, (column * size.width) / columns, 0, 0, size.height);
    };
    image.src = src;
  }, [src]);
  return (
    <canvas
      ref={canvas}
      width={size.width}
      height={size.height}
      style={{
        width: "100%",
        height: "100%",
        objectFit: "contain",
        imageRendering: "pixelated",
        transformOrigin: "0 0",
        transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`,
      }}
    />
  );
}

function line(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + width, y + height);
  context.stroke();
}
