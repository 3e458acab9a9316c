/** The thread that reads text in pictures: answers the calls of `openOcr`. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { Worker } from "tesseract.js";
import { importOptional } from "../../../common/optional_package.ts";
import { serveThread } from "../../../common/serve_thread.ts";
import { encodePng } from "../../../images/encode.ts";
import type { ReaderThread } from "./ocr_protocol.ts";

let reader: Worker;

serveThread<ReaderThread>({
  async open(language, setting) {
    const { createWorker, OEM } = await importOptional("tesseract.js", setting, async () => {
      const { default: tesseract } = await import("tesseract.js");
      return tesseract;
    });
    const data = await importOptional(`@tesseract.js-data/${language}`, setting, async () =>
      createRequire(import.meta.url).resolve(
        `@tesseract.js-data/${language}/4.0.0_best_int/${language}.traineddata.gz`,
      ),
    );
    reader = await createWorker(language, OEM.LSTM_ONLY, {
      langPath: dirname(data),
      cacheMethod: "none",
      // What it is told of rejects, too.
      errorHandler: () => {},
    });
    // What pictures say of their resolution is of no use here, and each would be complained of.
    await reader.setParameters({ user_defined_dpi: "70" });
  },
  async read(image) {
    const { data } = await reader.recognize(Buffer.from(await encodePng(image)), {}, { blocks: true });
    const paragraphs = (data.blocks ?? []).flatMap((block) => block.paragraphs);
    return paragraphs
      .flatMap(({ lines }) => lines)
      .map(({ text, bbox }) => ({ text: text.trim(), box: [bbox.x0, bbox.y0, bbox.x1, bbox.y1] }));
  },
  close: async () => void (await reader.terminate()),
});
