import { createHash } from "node:crypto";
import type { RunConfig } from "../arena/config/config.ts";
import { isBuiltIn, SCENE_TASKS } from "../arena/config/environment.ts";
import { shieldOf } from "../arena/config/safety.ts";
import { drawnTasks } from "../arena/config/skills.ts";
import type { EnvironmentStage, GrpoStage } from "../arena/config/stages.ts";
import type { Ports } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import { hashFile } from "../common/file_hash.ts";
import { dataQuestions, type LabelledItems } from "../environments/data.ts";
import { frameOrders } from "../environments/frame_order.ts";
import { jigsaws } from "../environments/jigsaw.ts";
import { oddOnesOut } from "../environments/odd_one_out.ts";
import { OwnEnvironment } from "../environments/own/own_environment.ts";
import { type KnownQuestions, questionEnvironment } from "../environments/question.ts";
import { sceneQuestions } from "../environments/scenes.ts";
import { soften, withShield } from "../environments/shield.ts";
import { openRewarder } from "../environments/task_reward.ts";
import { withTools } from "../environments/tools/tool_environment.ts";
import type { Toolkit } from "../environments/tools/toolkit.ts";
import type { VerifierName } from "../environments/verify.ts";
import { findFilms } from "../images/films.ts";
import { ListedImages } from "../images/listed_images.ts";
import { SceneSource } from "../images/scenes/source.ts";
import type { ImageSource } from "../images/source.ts";
import type { ReasonerTemplates } from "../reasoner/prompt.ts";
import type { Environment } from "../training/environment.ts";
import { openPool } from "./data.ts";
import { plural } from "./format.ts";
import type { Opening } from "./run_images.ts";
import { scaledPictures } from "./scaled_pictures.ts";
import { isSimulator, openSimulator } from "./simulators.ts";
import { openToolkit } from "./tools.ts";

/** What environments are made of, beside what they name themselves. */
interface Materials extends Pick<Ports, "images" | "labelled"> {
  readonly templates: ReasonerTemplates;
}

/** In what the stages of a run act. */
export interface RunEnvironments extends AsyncDisposable {
  /** Of each stage; null where it acts in none. */
  readonly environments: readonly (Environment | null)[];
  /** Of each stage, what may be called before a question is answered; null for nothing. */
  readonly toolkits: readonly (Toolkit | null)[];
  /** SHA-256 by name of what they are made of, rewards of one's own included, labelled data aside. */
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * Opens the environments of a run's stages. Throws "config" where one cannot be, "data" or "images" where what it is made
 * of cannot be read.
 */
export async function openEnvironments(
  config: RunConfig,
  materials: Materials,
  opening: Opening,
): Promise<RunEnvironments> {
  const environments: (Environment | null)[] = [];
  const toolkits: (Toolkit | null)[] = [];
  const inputs: Record<string, string> = {};
  const close = async () => {
    for (const each of [...environments, ...toolkits]) await each?.[Symbol.asyncDispose]();
  };
  try {
    for (const [index, stage] of config.stages.entries()) {
      const setting = `stages.${index}.environment`;
      const opened =
        "tools" in stage ? await openToolkit(stage.tools, `stages.${index}.tools`, opening) : null;
      toolkits.push(opened?.toolkit ?? null);
      Object.assign(inputs, opened?.inputs);
      if (stage.kind !== "grpo" && stage.kind !== "environment") environments.push(null);
      else if (stage.kind === "environment" && !isBuiltIn(stage.environment.name)) {
        const { name, options, threads, timeLimit, memory } = stage.environment;
        const limits = { threads, timeLimitMs: 1000 * timeLimit, memoryMb: memory };
        const own = { setting: `${setting}.name`, options, ...limits };
        environments.push(await OwnEnvironment.open(name, own));
        inputs[setting] = (await hashFile(name)).digest("hex");
      } else if (stage.kind === "environment" && isSimulator(stage.environment.name)) {
        const { environment, digest } = await openSimulator(stage, materials.templates, setting);
        environments.push(environment);
        if (digest !== null) inputs[setting] = digest;
      } else {
        const { questions, verifier, digest } = await questionsOf(stage, index, config, materials, opening);
        if (digest !== null) inputs[setting] = digest;
        const { reward, maxTokens } = stage;
        const rewarder = await openRewarder(
          { ...reward, verifier: verifier ?? reward.verifier },
          { maxTokens, hedges: config.certainty.hedges },
        );
        if (reward.module !== null)
          inputs[`stages.${index}.reward.module`] = (await hashFile(reward.module)).digest("hex");
        environments.push(questionEnvironment(questions, materials.templates, rewarder));
      }
      const environment = environments[index];
      if (environment) requireJudges(environment, stage as GrpoStage | EnvironmentStage, index);
      if (stage.kind !== "environment" || !environment) continue;
      requireDemonstrations(environment, stage);
      environments[index] = guard(environment, stage);
      const toolkit = toolkits[index];
      if (toolkit) environments[index] = withTools(environments[index] as Environment, toolkit);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { environments, toolkits, inputs, [Symbol.asyncDispose]: close };
}

/** An environment with what a stage says of its constraints. Throws "config" where it lacks what that takes. */
function guard(environment: Environment, { safety }: EnvironmentStage): Environment {
  const asked = safety.gate.every > 0 ? "gate.every" : safety.novelty === "count" ? "novelty" : null;
  if (asked !== null && !environment.constraints)
    throw new VisplayError(
      "config",
      `safety.${asked}: ${environment.name} has no constraints that could be kept; expected an environment with some, such as driving, or the default`,
    );
  const softened = safety.soft.length > 0 ? soften(environment, safety.soft) : environment;
  const shield = shieldOf(safety);
  return shield ? withShield(softened, shield) : softened;
}

/** Throws "config" where a stage is to imitate an environment that demonstrates nothing. */
function requireDemonstrations({ name, demonstrate }: Environment, { imitates }: EnvironmentStage): void {
  if (!imitates || demonstrate) return;
  throw new VisplayError(
    "config",
    `${name} demonstrates nothing; expected a function demonstrate(state, turn) for a stage that imitates`,
  );
}

/** Throws "config" where a stage rewards what nobody there can judge: what is said of pictures, or the use of tools. */
function requireJudges(
  { name, understanding }: Environment,
  stage: GrpoStage | EnvironmentStage,
  index: number,
): void {
  const { weights } = stage.reward;
  const setting = `stages.${index}.reward.weights`;
  const isOwn = stage.kind === "environment" && !isBuiltIn(stage.environment.name);
  // A module of a user's own may give the part itself.
  if (weights.understanding > 0 && !understanding && !isOwn)
    throw new VisplayError(
      "config",
      `${setting}.understanding: found ${weights.understanding}, but ${name} cannot judge what is said of a picture; expected 0, the environment scenes, or a module of your own`,
    );
  if (stage.kind === "environment" && stage.credit === "by_part" && !understanding)
    throw new VisplayError(
      "config",
      `stages.${index}.credit: found by_part, but ${name} cannot judge what is said of a picture; expected whole or by_turn`,
    );
  if (weights.description > 0 && stage.kind !== "grpo")
    throw new VisplayError(
      "config",
      `${setting}.description: found ${weights.description}, but only stages of kind grpo ask what follows from chains; expected 0`,
    );
  const hasTools = stage.kind === "environment" && stage.tools.use.length > 0;
  if (weights.toolUse > 0 && !hasTools)
    throw new VisplayError(
      "config",
      `${setting}.toolUse: found ${weights.toolUse} without tools; expected 0, or tools (stages.${index}.tools)`,
    );
}

/** Questions of an environment that is there. */
interface Asked {
  readonly questions: KnownQuestions;
  /** What fits their answers; null where the stage says it. */
  readonly verifier: VerifierName | null;
  /** SHA-256 of the names and sizes of its pictures or films; null where they are told of elsewhere. */
  readonly digest: string | null;
}

async function questionsOf(
  stage: GrpoStage | EnvironmentStage,
  index: number,
  config: RunConfig,
  { images, labelled }: Materials,
  opening: Opening,
): Promise<Asked> {
  if (stage.kind === "grpo" || stage.environment.name === "data") {
    const name = (stage.kind === "grpo" ? stage.data : stage.environment.data) as string;
    const questions = dataQuestions(name, labelled[index] as LabelledItems);
    return { questions, verifier: null, digest: null };
  }
  const { name, data, columns, pieces } = stage.environment;
  switch (name) {
    case "jigsaw": {
      const { source, digest } = await picturesOf(data, columns, images, config, opening);
      return { questions: jigsaws(source, Math.sqrt(pieces)), verifier: "order", digest };
    }
    case "odd-one-out": {
      const { source, digest } = await picturesOf(data, columns, images, config, opening);
      return { questions: oddOnesOut(source, pieces), verifier: "number", digest };
    }
    case "frame-order": {
      const films = await findFilms(data as string, opening.signal);
      opening.say(`${data}: ${plural(films.length, "film")}`);
      return { questions: frameOrders(films, pieces), verifier: "order", digest: digestOf(films) };
    }
    default: {
      const { domain, seed } = config.images.scenes;
      const source = new SceneSource({ domain, seed, count: drawnTasks(stage, SCENE_TASKS) });
      return { questions: sceneQuestions(source), verifier: "equivalent", digest: null };
    }
  }
}

/** Pictures that an environment is made of; without data of its own, those of the run. */
async function picturesOf(
  data: string | null,
  columns: string | null,
  images: ImageSource,
  config: RunConfig,
  opening: Opening,
): Promise<{ readonly source: ImageSource; readonly digest: string | null }> {
  if (data === null) return { source: images, digest: null };
  const files = await openPool(data, columns, opening);
  const listed = files.map((file) => ({ name: file.name, file, content: null }));
  const { maxPixels } = config.images;
  return { source: new ListedImages(listed, { maxPixels }, scaledPictures()), digest: digestOf(files) };
}

function digestOf(files: readonly { readonly name: string; readonly bytes: number }[]): string {
  const digest = createHash("sha256");
  for (const { name, bytes } of files) digest.update(JSON.stringify([name, bytes]));
  return digest.digest("hex");
}
