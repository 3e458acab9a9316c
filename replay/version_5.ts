/**
 * What the fifth version wrote otherwise than the sixth: nothing, but no phase of its runs was handed off. It describes what
 * stands in files: nothing here changes any more.
 */
export function sixthOf(_type: string, body: object): object {
  return body;
}
