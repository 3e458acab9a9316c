/** Settings of the smallest run that goes through all phases, evaluation apart. */
export const smallRun: readonly string[] = [
  "rounds=1",
  "threads=1",
  "questioner.stepsPerRound=2",
  "questioner.imagesPerStep=3",
  "questioner.answersPerQuestion=3",
  "curriculum.images=6",
  "curriculum.answersPerQuestion=3",
  "curriculum.views=3",
  "reasoner.stepsPerRound=2",
  "reasoner.itemsPerStep=4",
];

/** Settings of the smallest evaluation that measures all that one measures. */
export const smallEvaluation: readonly string[] = [
  "evaluation.questions=14",
  "evaluation.scenes=14",
  "evaluation.samples=2",
  "evaluation.encoder.pictures=16",
  "evaluation.hallucination.pictures=4",
];
