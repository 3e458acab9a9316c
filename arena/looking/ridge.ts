/** Ridge regression: the linear map of least squared error, held small, as normal equations solved by Cholesky. */

/** A linear read-out: `scores` = [features, 1] · weights. */
export interface LinearReadout {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs + 1, outputs]; the last row is the offset. */
  readonly weights: Float64Array;
}

/** How strongly weights are held small, as a share of the mean square of a feature. */
const SHRINKAGE = 1e-3;

/** Fits features [N, inputs] to targets [N, outputs], each a row. Throws a `RangeError` where there are none. */
export function fitRidge(
  features: readonly ArrayLike<number>[],
  targets: readonly ArrayLike<number>[],
): LinearReadout {
  const [inputs, outputs] = [features[0]?.length ?? 0, targets[0]?.length ?? 0];
  if (inputs === 0 || outputs === 0) throw new RangeError("a read-out of no features");
  const size = inputs + 1;
  const gram = new Float64Array(size * size);
  const moments = new Float64Array(size * outputs);
  const row = new Float64Array(size).fill(1);
  for (const [n, own] of features.entries()) {
    row.set(own);
    const target = targets[n] as ArrayLike<number>;
    for (let i = 0; i < size; i++) {
      const x = row[i] as number;
      for (let j = 0; j <= i; j++)
        gram[i * size + j] = (gram[i * size + j] as number) + x * (row[j] as number);
      for (let k = 0; k < outputs; k++)
        moments[i * outputs + k] = (moments[i * outputs + k] as number) + x * (target[k] as number);
    }
  }
  let trace = 0;
  for (let i = 0; i < inputs; i++) trace += gram[i * size + i] as number;
  for (let i = 0; i < inputs; i++)
    gram[i * size + i] = (gram[i * size + i] as number) + (SHRINKAGE * trace) / inputs + Number.MIN_VALUE;
  return { inputs, outputs, weights: solveCholesky(gram, moments, size, outputs) };
}

/** What a read-out makes of features [inputs], [outputs]. */
export function readOut(
  { inputs, outputs, weights }: LinearReadout,
  features: ArrayLike<number>,
): Float64Array {
  const scores = weights.slice(inputs * outputs);
  for (let i = 0; i < inputs; i++) {
    const x = features[i] as number;
    for (let k = 0; k < outputs; k++)
      scores[k] = (scores[k] as number) + x * (weights[i * outputs + k] as number);
  }
  return scores;
}

/** x of A x = b for a symmetric positive definite A, of which the lower half is read, and written over. */
function solveCholesky(a: Float64Array, b: Float64Array, size: number, columns: number): Float64Array {
  for (let j = 0; j < size; j++) {
    for (let i = j; i < size; i++) {
      let sum = a[i * size + j] as number;
      for (let k = 0; k < j; k++) sum -= (a[i * size + k] as number) * (a[j * size + k] as number);
      a[i * size + j] =
        i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / (a[j * size + j] as number);
    }
  }
  const x = b.slice();
  const substitute = (i: number, from: number, to: number, factor: (k: number) => number) => {
    for (let c = 0; c < columns; c++) {
      let sum = x[i * columns + c] as number;
      for (let k = from; k < to; k++) sum -= factor(k) * (x[k * columns + c] as number);
      x[i * columns + c] = sum / (a[i * size + i] as number);
    }
  };
  for (let i = 0; i < size; i++) substitute(i, 0, i, (k) => a[i * size + k] as number);
  for (let i = size - 1; i >= 0; i--) substitute(i, i + 1, size, (k) => a[k * size + i] as number);
  return x;
}
