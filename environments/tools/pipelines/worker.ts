/** The thread of a model that looks at pictures: answers the calls of `openPipelineTool`. */
import { resolve } from "node:path";
import type {
  ImageClassificationPipeline,
  ImageToTextPipeline,
  ObjectDetectionPipeline,
  RawImage,
} from "@xenova/transformers";
import { VisplayError } from "../../../common/errors.ts";
import { serveThread } from "../../../common/serve_thread.ts";
import type { RgbImage } from "../../../images/image.ts";
import { precisionOf } from "./model_files.ts";
import { type PipelineThread, pipelineTasks } from "./pipeline_protocol.ts";

let model: unknown;
let shown: (image: RgbImage) => RawImage;

serveThread<PipelineThread>({
  async open(kind, folder, setting) {
    const { env, pipeline, RawImage } = await import("@xenova/transformers");
    env.allowRemoteModels = false;
    const dtype = await precisionOf(folder, setting);
    try {
      // One thread, so that sums are always made in one order.
      const session_options = { intraOpNumThreads: 1, interOpNumThreads: 1 };
      const options = { dtype, device: "cpu", local_files_only: true, session_options } as const;
      model = await pipeline(pipelineTasks[kind], resolve(folder), options);
    } catch (cause) {
      const reason = `${folder} has no model for ${pipelineTasks[kind]} (${(cause as Error).message})`;
      throw new VisplayError("model", `${setting}: ${reason}`, { cause });
    }
    shown = ({ data, width, height }) => new RawImage(new Uint8ClampedArray(data), width, height, 3);
  },
  async detect(image, threshold) {
    const found = await (model as ObjectDetectionPipeline)(shown(image), { threshold });
    return found.map(({ label, score, box: { xmin, ymin, xmax, ymax } }) => ({
      label,
      score,
      box: [xmin, ymin, xmax, ymax],
    }));
  },
  classify: async (image, most) => (model as ImageClassificationPipeline)(shown(image), { top_k: most }),
  async caption(image) {
    const [first] = await (model as ImageToTextPipeline)(shown(image));
    return first?.generated_text ?? "";
  },
  close: () => {},
});
