import { expect, test } from "vitest";
import {
  brierScore,
  type CalibrationMark,
  calibrationError,
  calibrationFigures,
  type Forecast,
} from "../../arena/calibration.ts";
import { RandomStream } from "../../common/random.ts";

const forecast = (stated: number, right: number): Forecast => ({ stated, right });

test("scores by hand", () => {
  const some = [forecast(0.5, 1), forecast(0.5, 0), forecast(0.92, 1), forecast(0.88, 0), forecast(1, 0)];
  expect(brierScore(some)).toBeCloseTo((0.25 + 0.25 + 0.0064 + 0.7744 + 1) / 5, 12);
  // Both of 0.5 lie in the bin from 0.5, 0.88 in that from 0.8, 0.92 and 1 in that from 0.9.
  expect(calibrationError(some)).toBeCloseTo((0 + 0.88 + Math.abs(0.92 + 1 - 1)) / 5, 12);
  expect(brierScore([])).toBe(0);
  expect(calibrationError([])).toBe(0);
});

test("who says the chance of being right has an error of near 0, and the Brier score of that chance", () => {
  const stream = new RandomStream(7);
  const honest = Array.from({ length: 20_000 }, () => {
    const stated = stream.uniform();
    return forecast(stated, Number(stream.uniform() < stated));
  });
  expect(calibrationError(honest)).toBeLessThan(0.02);
  // The mean of p(1 - p) over p from 0 to 1.
  expect(brierScore(honest)).toBeCloseTo(1 / 6, 2);
  const boastful = honest.map(({ right }) => forecast(1, right));
  expect(calibrationError(boastful)).toBeCloseTo(brierScore(boastful), 12);
  expect(brierScore(boastful)).toBeGreaterThan(0.48);
});

test("the error is never above the mean of the differences, and no less than that of all together", () => {
  const stream = new RandomStream(8);
  for (let i = 0; i < 200; i++) {
    const some = Array.from({ length: 1 + stream.integer(30) }, () =>
      forecast(stream.uniform(), stream.uniform()),
    );
    const gaps = some.map(({ stated, right }) => stated - right);
    const error = calibrationError(some);
    expect(error).toBeLessThanOrEqual(
      gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / gaps.length + 1e-12,
    );
    expect(error).toBeGreaterThanOrEqual(
      Math.abs(gaps.reduce((sum, gap) => sum + gap, 0)) / gaps.length - 1e-12,
    );
  }
});

test("figures have intervals that hold what is true; nothing is said of what nobody said", () => {
  const stream = new RandomStream(9);
  const marks = Array.from({ length: 400 }, (_, i): CalibrationMark => {
    const right = Number(stream.uniform() < 0.7);
    return { votes: forecast(0.7, right), statement: i % 4 === 0 ? forecast(1, right) : null };
  });
  const { votesBrier, votesError, stated, statedBrier, statedError } = calibrationFigures(marks);
  expect(votesBrier?.low).toBeLessThan(21);
  expect(votesBrier?.high).toBeGreaterThan(21);
  expect(votesError?.low).toBeLessThanOrEqual(votesError?.percent as number);
  expect(votesError?.high).toBeLessThan(10);
  expect(stated?.percent).toBe(25);
  expect(statedBrier?.low).toBeLessThan(30);
  expect(statedBrier?.high).toBeGreaterThan(30);
  expect(statedError).toEqual(statedBrier);
  expect(calibrationFigures(marks)).toEqual(calibrationFigures(marks));
  expect(calibrationFigures([{ votes: null, statement: null }])).toEqual({});
});
