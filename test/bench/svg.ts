/** Colours of drawings. */
export const ink = { text: "#24292f", quiet: "#6e7781", grid: "#e5e8eb", own: "#0a66c2", best: "#c2570a" };

export function line(points: readonly (readonly number[])[], style: string): string {
  const places = points.map((point) => point.map((x) => Number(x.toFixed(1))).join(","));
  return `<polyline fill="none" ${style} points="${places.join(" ")}"/>`;
}

export function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${style}>${content}</text>`;
}

/** A whole drawing on white. */
export function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"`,
    ` font-family="system-ui, sans-serif" font-size="12" fill="${ink.text}">`,
    `\n<title>${title}</title>`,
    `\n<rect width="${width}" height="${height}" fill="#fff"/>\n`,
    parts.join("\n"),
    "\n</svg>\n",
  ].join("");
}
