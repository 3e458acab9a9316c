/**
 * What the third version wrote otherwise than the fourth: evaluations did not measure whether answers depend on pictures. It
 * describes what stands in files: nothing here changes any more.
 */
export function fourthOf(type: string, body: object): object {
  if (type !== "evaluated") return body;
  const { report } = body as { readonly report: object };
  return { ...body, report: { ...report, looking: {} } };
}
