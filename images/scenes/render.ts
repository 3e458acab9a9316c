import { imageOf, type RgbImage } from "../image.ts";
import { applyPhotometry } from "../photometric.ts";
import { drawSvg, svgColour } from "../svg.ts";
import { type Rgb, type Scene, type SceneObject, type Shape, sceneSize } from "./scene.ts";

/** The picture of a scene, 64x64, the same bits for equal scenes: anti-aliased SVG, then colour cast and noise. */
export async function renderScene(scene: Scene): Promise<RgbImage> {
  const drawn = await drawSvg(sceneSvg(scene));
  const { cast, noise, noiseSeed } = scene;
  return imageOf(
    sceneSize,
    sceneSize,
    applyPhotometry(drawn, { contrast: 1, offset: cast, noise }, noiseSeed),
  );
}

function sceneSvg({ objects, background, blots }: Scene): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${sceneSize}" height="${sceneSize}">`,
    `<rect width="100%" height="100%" fill="${svgColour(background)}"/>`,
    ...blots.map(({ x, y, radii, rotation, shade }) => {
      const fill = svgColour(background.map((value) => value + shade) as unknown as Rgb);
      return `<ellipse rx="${radii[0]}" ry="${radii[1]}" fill="${fill}" opacity="0.5" ${place(x, y, rotation)}/>`;
    }),
    ...objects.map(objectSvg),
    "</svg>",
  ].join("");
}

/** Outlines of about equal area for radius 1. */
const outlines: Record<Shape, string> = {
  circle: '<circle r="0.95"',
  square: '<rect x="-0.85" y="-0.85" width="1.7" height="1.7"',
  triangle: '<path d="M0-1.1L1.1 0.85L-1.1 0.85Z"',
  cross: '<path d="M-.36-1.1h.72v.74h.74v.72h-.74v.74h-.72v-.74h-.74v-.72h.74z"',
};

function objectSvg({ shape, x, y, radius, rotation, paint }: SceneObject): string {
  return `${outlines[shape]} fill="${svgColour(paint)}" ${place(x, y, rotation, radius)}/>`;
}

function place(x: number, y: number, rotation: number, scale = 1): string {
  return `transform="translate(${x} ${y}) rotate(${rotation}) scale(${scale})"`;
}
