import { useRef, useState } from "preact/hooks";
import type { CurriculumLine, Exporting } from "../../answers.ts";
import { type ExportChoice, exportable, exportCommand } from "../../export_command.ts";
import { plural, whole } from "../../format.ts";
import { Select } from "./filter_bar.tsx";

interface ExportDialogProps {
  readonly run: string;
  /** The questions that are shown. */
  readonly lines: readonly CurriculumLine[];
  /** Whether these are all that there are. */
  readonly isWhole: boolean;
  readonly exporting: Exporting;
  readonly choice: Omit<ExportChoice, "format" | "out">;
}

/** The command that writes the questions that are shown as a data set. */
export function ExportDialog({ run, lines, isWhole, exporting, choice }: ExportDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const text = useRef<HTMLElement>(null);
  const [format, setFormat] = useState(exporting.formats[0] ?? "");
  const [copied, setCopied] = useState<string>();
  const questions = exportable(lines).length;
  const command = exportCommand(exporting, {
    ...choice,
    format,
    out: `${run}-round-${choice.round}-${format}`,
  });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command);
      setCopied("Copied");
    } catch {
      // A page that came unencrypted from another machine has no clipboard.
      if (text.current) getSelection()?.selectAllChildren(text.current);
      setCopied("Selected: copy it with Ctrl+C");
    }
  };
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        Export …
      </button>
      <dialog ref={dialog} aria-labelledby="export-title" onClose={() => setCopied(undefined)}>
        <h1 id="export-title">Export what is shown</h1>
        {questions === 0 ? (
          <p class="quiet">Nothing that is shown has both a question and an answer.</p>
        ) : (
          <>
            <p>
              {isWhole ? "" : "At least "}
              {plural(questions, "question")} with an answer
              {questions < lines.length && (
                <span class="quiet">
                  {" "}
                  of {whole(lines.length)} shown; of equal ones about one picture, one is written
                </span>
              )}
            </p>
            <code class="command" ref={text}>
              {command}
            </code>
          </>
        )}
        <form method="dialog" class="actions">
          {questions > 0 && (
            <>
              <Select
                name="Format"
                value={format}
                options={exporting.formats.map((each) => [each, each])}
                onChange={(value) => {
                  setFormat(value);
                  setCopied(undefined);
                }}
              />
              <button type="button" onClick={copy}>
                Copy
              </button>
              <span class="quiet" role="status">
                {copied}
              </span>
            </>
          )}
          <button type="submit" class="end">
            Close
          </button>
        </form>
      </dialog>
    </>
  );
}
