/**
 * What the fourth version wrote otherwise than the fifth: a Reasoner's step imitated nothing, nobody held what passes the
 * gate against the truth, or counted kinds of questions, and evaluations did not say how each question was answered. It describes what stands in files: nothing here changes any more.
 */
export function fifthOf(type: string, body: object): object {
  if (type === "reasonerStep") return { ...body, imitated: null };
  if (type === "questionerStep") return { ...body, audit: null };
  if (type === "evaluated") {
    const { report } = body as { readonly report: object };
    return { ...body, report: { ...report, outcomes: null } };
  }
  if (type !== "curriculumBuilt") return body;
  const { audit } = body as { readonly audit: object | null };
  return { ...body, audit: audit && { ...audit, kinds: {} } };
}
