import type { RgbImage } from "../../images/image.ts";
import type { Turn, TurnPart } from "../../policy/port.ts";

/** A message as the reference writes it. */
export interface ReferenceMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: readonly { readonly type: string; readonly text?: string }[];
}

/** A reference's messages about images, in order; what the policy said itself comes as its `own` tokens. */
export function turnsOf(
  messages: readonly ReferenceMessage[],
  images: readonly RgbImage[],
  own: readonly Int32Array[] = [],
): Turn[] {
  let shown = 0;
  let said = 0;
  return messages.map(({ role, content }): Turn => {
    if (role === "assistant") return { role, tokens: own[said++] as Int32Array };
    const parts = content.map(({ type, text }): TurnPart => {
      return type === "image" ? (images[shown++] as RgbImage) : (text as string);
    });
    return { role, parts };
  });
}
