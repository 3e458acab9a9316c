/** A repository on the Hugging Face hub. */
export interface HubRepo {
  readonly kind: "model" | "dataset";
  /** "owner/name". */
  readonly repo: string;
}

/** A model on the Hugging Face hub, or a data set. */
export interface HubName {
  /** "owner/name". */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** Reads "owner/name" or "owner/name@revision"; undefined where a text is neither. */
export function parseHubName(text: string): HubName | undefined {
  const [, repo, revision = "main"] = /^(\w[\w.-]*\/\w[\w.-]*)(?:@(\w[\w./-]*))?$/.exec(text) ?? [];
  return repo === undefined || text.includes("..") ? undefined : { repo, revision };
}

/** A data set on the hub, or a part of it. */
export interface HubDataName extends HubName {
  /** Null is the only or the first one. */
  readonly config: string | null;
  /** Null is all of them. */
  readonly split: string | null;
}

/** Reads "owner/name[@revision][:config][/split]"; undefined where a text is none. */
export function parseHubData(text: string): HubDataName | undefined {
  const pattern = /^(\w[\w.-]*\/\w[\w.-]*)(?:@(\w[\w.-]*))?(?::(\w[\w.-]*))?(?:\/(\w[\w.-]*))?$/;
  const [, repo, revision = "main", config = null, split = null] = pattern.exec(text) ?? [];
  return repo === undefined || text.includes("..") ? undefined : { repo, revision, config, split };
}
