import { deriveSeed, RandomStream } from "../../common/random.ts";
import { encodePng } from "../encode.ts";
import type { RgbImage } from "../image.ts";
import type { ImageSource, Picture } from "../source.ts";
import { renderScene } from "./render.ts";
import { type DomainName, drawScene, type Scene } from "./scene.ts";

export interface SceneSourceOptions {
  readonly domain: DomainName;
  readonly count: number;
  readonly seed: number;
}

/** Procedural scenes, drawn anew whenever they are asked for; scene i depends on domain, seed and i alone. */
export class SceneSource implements ImageSource {
  readonly domain: DomainName;
  readonly length: number;
  readonly seed: number;

  constructor({ domain, count, seed }: SceneSourceOptions) {
    this.domain = domain;
    this.length = count;
    this.seed = seed;
  }

  name(index: number): string {
    return `${this.domain} scene ${index}`;
  }

  async load(index: number): Promise<Picture> {
    const image = await this.draw(index);
    return { image, file: { id: image.id, extension: "png", bytes: () => encodePng(image) } };
  }

  draw(index: number): Promise<RgbImage> {
    return renderScene(this.scene(index));
  }

  /** What is in the picture: labels, for evaluation and pretraining only. */
  scene(index: number): Scene {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`scene ${index} of ${this.length}`);
    return drawScene(this.domain, new RandomStream(deriveSeed(this.seed, this.domain, index)));
  }
}
