import type { AttributionRecord } from "../../replay/events.ts";
import { causeText, checksText, conclusionText } from "../attributions.ts";
import { indented, saidLines, wrapped } from "./layout.ts";

/** How it was found out where an answer went wrong: what was said to be seen, and what followed from that alone. */
export function attributionLines(attribution: AttributionRecord | null, width: number): string[] {
  if (attribution === null) return [];
  const { description } = attribution;
  const found =
    description === null
      ? wrapped("said to see: nothing usable", width - 2)
      : [
          ...wrapped(`said to see, ${checksText(attribution).join(" · ")}:`, width - 2),
          ...saidLines(description, "stop", width - 2),
          ...wrapped(`answered from that alone: ${conclusionText(attribution)}`, width - 2),
        ];
  return [...wrapped(causeText(attribution), width), ...indented(found)];
}
