import type { ToolsRecord, TurnPartRecord, TurnRecord } from "../../../replay/events.ts";
import type { EpisodeHead } from "../../../replay/query.ts";
import { imagesInTurns } from "../../../replay/turns.ts";
import { visible } from "../../format.ts";
import { toolsText } from "../../trajectories.ts";
import { Viewer } from "./picture.tsx";

interface PicturesProps {
  readonly run: string;
  readonly image: EpisodeHead["image"];
  readonly turns: readonly TurnRecord[];
}

/** The pictures of a prompt: the episode's own, or each of several, numbered. */
export function PromptPictures({ run, image, turns }: PicturesProps) {
  const ids = imagesInTurns(turns);
  if (ids.length < 2) return <Viewer key={image.id} run={run} image={image} />;
  return (
    <>
      <p class="said">{visible(image.name)}</p>
      <div class="pictures">
        {ids.map((id, i) => (
          <Viewer key={`${i} ${id}`} run={run} image={{ id, name: `picture ${i + 1} of ${ids.length}` }} />
        ))}
      </div>
    </>
  );
}

/** A prompt's turns as text; a picture among several stands there by its number. */
function promptText(turns: readonly TurnRecord[]): string {
  const parts = turns.flatMap((turn) => turn.parts);
  const several = imagesInTurns(turns).length > 1 || turns.length > 1;
  let pictures = 0;
  const shown = (part: TurnPartRecord): string => {
    if (typeof part === "string") return part;
    pictures++;
    return several ? `[picture ${pictures}]` : "";
  };
  if (!several) return parts.map(shown).join("");
  return turns.map(({ role, parts: own }) => `${role}:\n${own.map(shown).join("\n")}`).join("\n\n");
}

/** What was put to the policy, as text, and as its model reads that. */
export function Prompt({
  turns,
  tools,
  template,
}: {
  readonly turns: readonly TurnRecord[];
  readonly tools: ToolsRecord | null;
  readonly template: string | null;
}) {
  return (
    <>
      <details>
        <summary>Prompt</summary>
        <div class="raw">{visible(promptText(turns))}</div>
      </details>
      {tools && <p class="quiet">{toolsText(tools)}</p>}
      <details>
        <summary>In the model's template</summary>
        <div class="raw">
          {template === null
            ? "The run's model is not on this machine, and its template with it."
            : visible(template)}
        </div>
      </details>
    </>
  );
}
