import { layout, type Point, reduced } from "./layout.ts";

const [boxHeight, layerHeight, margin, letter] = [28, 74, 24, 7.4];
const widthOf = (room: string) => Math.round(room.length * letter) + 24;

/** The rooms and which imports which, as an SVG; an import that follows from others is named, but not drawn. */
export function drawing(graph: ReadonlyMap<string, ReadonlySet<string>>): string {
  const { nodes, edges, width, layers } = layout(reduced(graph), widthOf);
  const at = ({ x, layer }: Point) => ({
    x: x + margin,
    y: margin + boxHeight / 2 + (layers - 1 - layer) * layerHeight,
  });
  const boxes = [...nodes].map(([room, point]) => box(room, at(point), [...(graph.get(room) ?? [])]));
  const lines = edges.map((points) => `<path d="${curve(points.map(at))}"/>`);
  const [w, h] = [width + 2 * margin, (layers - 1) * layerHeight + boxHeight + 2 * margin];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img">
<title>Which folder imports which</title>
<desc>An arrow leads down to what a folder imports. Imports that follow from other arrows are not drawn.</desc>
<style>
  text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; text-anchor: middle; dominant-baseline: central }
  rect { fill: #f6f8fa; stroke: #8c959f }
  .policy rect { fill: #ddf4ff; stroke: #54aeff }
  .arena rect { fill: #fff1e5; stroke: #fb8f44 }
  .images rect { fill: #dafbe1; stroke: #4ac26b }
  path { fill: none; stroke: #8c959f; stroke-width: 1.3; marker-end: url(#end) }
  marker path { fill: #8c959f; stroke: none; marker-end: none }
</style>
<rect width="${w}" height="${h}" style="fill: #ffffff; stroke: none"/>
<marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker>
${[...lines, ...boxes].join("\n")}
</svg>
`;
}

interface Place {
  readonly x: number;
  readonly y: number;
}

function box(room: string, { x, y }: Place, imports: readonly string[]): string {
  const w = widthOf(room);
  const title = `${room} imports ${imports.length > 0 ? imports.toSorted().join(", ") : "nothing"}`;
  const rect = `<rect x="${x - w / 2}" y="${y - boxHeight / 2}" width="${w}" height="${boxHeight}" rx="6"/>`;
  return `<g class="${room.split("/")[0]}"><title>${title}</title>${rect}<text x="${x}" y="${y}">${room}</text></g>`;
}

/** From the lower side of the first box, straight down past each layer, to the upper side of the last one. */
function curve(places: readonly Place[]): string {
  const [start, ...rest] = places as [Place, ...Place[]];
  let d = `M${start.x} ${start.y + boxHeight / 2}`;
  let y = start.y + boxHeight / 2;
  let x = start.x;
  for (const [i, next] of rest.entries()) {
    const top = next.y - boxHeight / 2;
    const half = (y + top) / 2;
    d += ` C${x} ${half} ${next.x} ${half} ${next.x} ${top}`;
    if (i < rest.length - 1) d += ` V${top + boxHeight}`;
    [x, y] = [next.x, top + boxHeight];
  }
  return d;
}
