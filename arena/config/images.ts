import type * as z from "zod";
import { domainNames } from "../../images/scenes/scene.ts";
import type { SceneSourceOptions } from "../../images/scenes/source.ts";
import { choice, count, flag, group, optionalText, seed } from "./setting.ts";

/** Where a run's images come from. */
export interface ImagesConfig {
  readonly data: string | null;
  readonly columns: string | null;
  /** What `data` was called once: null after reading, when `data` has its value. */
  readonly folder: string | null;
  readonly maxPixels: number;
  readonly followLinks: boolean;
  readonly scenes: SceneSourceOptions;
}

export const images: z.ZodType<ImagesConfig> = group(
  {
    data: optionalText(
      "images to learn from: a folder of pictures with its sub-folders, Parquet, JSONL, CSV or tar files, a folder of them, or a data set on the hub (owner/name[@revision][:config][/split]); null draws scenes",
    ),
    columns: optionalText("their column, as image=NAME; null: by its usual names"),
    folder: optionalText("an earlier name of images.data"),
    maxPixels: count(128_000_000, "width times height above which an image is refused before it is decoded"),
    followLinks: flag(false, "links that lead out of the folder are followed, too"),
    scenes: group(
      {
        domain: choice(domainNames, "target", "domain of the drawn scenes"),
        count: count(4000, "scenes in the pool"),
        seed: seed(1, "seed of the scenes"),
      },
      "procedural scenes, used where there is no data",
    ),
  },
  "where unlabelled images come from",
)
  .superRefine(({ data, folder }, context) => {
    if (folder === null || data === null || folder === data) return;
    const message = `expected the same as images.data (${data}), whose earlier name it is`;
    context.addIssue({ code: "custom", path: ["folder"], message });
  })
  .overwrite((images) => ({ ...images, data: images.data ?? images.folder, folder: null }));
