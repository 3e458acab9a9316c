/**
 * What the third version wrote otherwise than the fourth: nobody looked for the causes of wrong answers, or measured whether
 * answers depend on pictures or how calibrated they are, nobody could call tools before a vote, or said how trajectories began to fail. It describes what
 * stands in files: nothing here changes any more.
 */
export function fourthOf(type: string, body: object): object {
  if (type === "questionerStep" || type === "curriculumStep") return { ...body, verified: null };
  if (type === "reasonerStep") {
    const { trajectories = null } = body as { readonly trajectories?: object | null };
    return { ...body, attribution: null, trajectories: trajectories && { ...trajectories, failures: null } };
  }
  if (type !== "evaluated") return body;
  const { report } = body as { readonly report: object };
  return { ...body, report: { ...report, attribution: null, looking: {}, calibration: {} } };
}
