import sharp from "sharp";

/**
 * Makes libvips keep no image and no file for the whole process, to be said where that starts: every image is decoded
 * once per use and held by the caller, and a file that was written anew must be read anew.
 */
export function keepNoImages(): void {
  sharp.cache(false);
}
