/** A model on the Hugging Face hub. */
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
