/** Where an engine is, and how it knows who asks. */
export interface EngineAddress {
  /** Without a path of the API, and without a key in it. */
  readonly url: string;
  /** The environment variable that holds the key, for messages. */
  readonly keyName: string;
  /** Null where that is not set. */
  readonly key: string | null;
}
