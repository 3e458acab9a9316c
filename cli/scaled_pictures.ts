import { cacheFolder } from "../common/cache_folder.ts";
import { VisplayError } from "../common/errors.ts";
import { ScaledPictures } from "../images/scaled_pictures.ts";

const gigabyte = 1e9;
const defaultGigabytes = "10";

let pictures: ScaledPictures | null | undefined;

/**
 * Where this process keeps pictures that were scaled down: in the cache folder, `VISPLAY_CACHE_GB` of them; null for 0.
 * Throws "config" where that is no number.
 */
export function scaledPictures(environment: NodeJS.ProcessEnv = process.env): ScaledPictures | null {
  if (pictures === undefined) {
    const { VISPLAY_CACHE_GB: text = defaultGigabytes } = environment;
    const gigabytes = text.trim() === "" ? Number.NaN : Number(text);
    if (!(gigabytes >= 0))
      throw new VisplayError(
        "config",
        `VISPLAY_CACHE_GB: found ${text || "nothing"}, expected a number from 0`,
      );
    pictures = gigabytes === 0 ? null : new ScaledPictures(cacheFolder(), gigabytes * gigabyte);
  }
  return pictures;
}
