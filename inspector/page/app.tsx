import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Overview, RunLine } from "../answers.ts";
import { paths } from "../paths.ts";
import { type Address, go, href, type Screen, useAddress } from "./address.ts";
import { followKeys, keyHelp, useKeys } from "./keys.ts";
import { type Loading, useAnswer } from "./loading.ts";
import { Problems, Waiting } from "./parts/states.tsx";
import type { LiveState } from "./port.ts";
import { useRest } from "./rest.ts";
import type { EarlyScreenProps } from "./screen.ts";
import { CompareScreen } from "./screens/compare.tsx";
import { CurriculumScreen } from "./screens/curriculum.tsx";
import { EpisodeScreen } from "./screens/episode.tsx";
import { EpisodesScreen } from "./screens/episodes.tsx";
import { QuestionsScreen } from "./screens/questions.tsx";
import { RunScreen } from "./screens/run.tsx";
import { RunsScreen } from "./screens/runs.tsx";
import { source } from "./source.ts";
import { ThemeButton } from "./theme.tsx";

const titles: Readonly<Record<Screen, string>> = {
  run: "Run",
  questions: "Questions",
  episodes: "Episodes",
  curriculum: "Curriculum",
  compare: "Compare",
};

const screenKeys: Readonly<Record<string, Screen>> = {
  "g r": "run",
  "g q": "questions",
  "g e": "episodes",
  "g c": "curriculum",
  "g m": "compare",
};

export function App() {
  const address = useAddress();
  const runs = useAnswer<RunLine[]>(paths.runs);
  const help = useRef<HTMLDialogElement>(null);
  const only = runs.value?.length === 1 ? runs.value[0] : undefined;
  const run = address.run || (only?.key ?? "");
  useEffect(followKeys, []);
  useKeys({
    "?": () => help.current?.showModal(),
    "g l": () => go({ run: "", screen: "run" }),
    ...Object.fromEntries(
      Object.entries(screenKeys).map(([keys, screen]) => [keys, () => run && go({ run, screen })]),
    ),
  });
  const shown = { ...address, run };
  return (
    <div class="frame">
      <header class="top">
        {(runs.value?.length ?? 0) > 1 && (
          <a href={href({ run: "", screen: "run" })} class="quiet">
            Runs
          </a>
        )}
        {run !== "" && (
          <>
            <span class="name clip">{run}</span>
            <nav aria-label="Screens">
              {(Object.keys(titles) as Screen[]).map((screen) => (
                <a
                  key={screen}
                  href={href({ run, screen })}
                  {...(screen === address.screen && { "aria-current": "page" })}
                >
                  {titles[screen]}
                </a>
              ))}
            </nav>
          </>
        )}
        {run === "" && <span class="name">visplay</span>}
        <div class="end">
          <ThemeButton />
          <button
            type="button"
            class="plain"
            aria-label="Help: keys"
            onClick={() => help.current?.showModal()}
          >
            ?
          </button>
        </div>
      </header>
      {runs.failure ? (
        <main>
          <Problems of={runs} />
        </main>
      ) : run === "" ? (
        <RunsScreen runs={runs} />
      ) : (
        <RunFrame key={run} address={shown} />
      )}
      <HelpSheet dialog={help} />
    </div>
  );
}

/** A screen of one run, which is followed while it goes on. */
function RunFrame({ address }: { readonly address: Address }) {
  const [live, setLive] = useState<LiveState>({ position: 0, condition: null });
  const [version, setVersion] = useState(0);
  const overview = useAnswer<Overview>(paths.run(address.run), version);
  const { value, isCurrent, failure } = overview;
  useEffect(() => source.live?.(address.run, setLive), [address.run]);
  const isOld = live.position > (value?.line.about?.position ?? 0);
  const ask = useCallback(() => setVersion(live.position), [live.position]);
  useRest(isCurrent || failure !== undefined, isOld, ask);
  return (
    <>
      {value && <Problems of={overview} />}
      <ScreenOf address={address} overview={value} live={live} loading={overview} />
    </>
  );
}

interface ScreenOfProps extends EarlyScreenProps {
  readonly loading: Loading<Overview>;
}

function ScreenOf({ loading, ...early }: ScreenOfProps) {
  const { address, overview } = early;
  const isList = address.screen === "episodes" && address.id === "";
  if (isList) return <EpisodesScreen {...early} />;
  if (address.screen === "questions") return <QuestionsScreen {...early} />;
  if (!overview) {
    return (
      <main>
        <Problems of={loading} />
        <Waiting for={loading}>Reading the run …</Waiting>
      </main>
    );
  }
  const props = { ...early, overview };
  switch (address.screen) {
    case "episodes":
      return <EpisodeScreen {...props} />;
    case "curriculum":
      return <CurriculumScreen {...props} />;
    case "compare":
      return <CompareScreen {...props} />;
    default:
      return <RunScreen {...props} />;
  }
}

function HelpSheet({ dialog }: { readonly dialog: preact.RefObject<HTMLDialogElement | null> }) {
  return (
    <dialog ref={dialog} aria-labelledby="help-title">
      <h1 id="help-title">Keys</h1>
      <table>
        <tbody>
          {keyHelp.map(([keys, does]) => (
            <tr key={keys}>
              <td>
                {keys.split(" ").map((key) => (
                  <>
                    <kbd>{key}</kbd>{" "}
                  </>
                ))}
              </td>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet">The address holds the whole view: send it, or keep it.</p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
