import { describe, expect, test } from "vitest";
import { bleuDistances, clusterByDistance, duplicateShares, sentenceBleu } from "../../rewards/diversity.ts";
import { referenceJson } from "./reference.ts";

interface Case {
  readonly questions: string[];
  readonly distance: number[][];
  readonly clusters: number[];
  readonly share: number[];
}

describe("the reference numbers of nltk and scikit-learn", () => {
  for (const [i, { questions, distance, clusters, share }] of referenceJson<Case[]>(
    "rewards/diversity.json",
  ).entries()) {
    test(`list ${i}`, () => {
      const distances = bleuDistances(questions);
      for (const [row, expected] of distance.entries()) {
        for (const [column, value] of expected.entries()) {
          expect(Math.abs((distances[row]?.[column] as number) - value)).toBeLessThan(1e-12);
        }
      }
      expect(clusterByDistance(distances)).toEqual(clusters);
      for (const [k, value] of duplicateShares(questions).entries()) {
        expect(Math.abs(value - (share[k] as number))).toBeLessThan(1e-12);
      }
    });
  }
});

test("no questions, one question", () => {
  expect(duplicateShares([])).toEqual([]);
  expect(duplicateShares(["how many red circle ?"])).toEqual([1]);
});

test("eight identical questions about one image each carry the whole penalty", () => {
  expect(duplicateShares(Array(8).fill("how many red circle ?"))).toEqual(Array(8).fill(1));
});

test("BLEU lies in [0, 1] and is 0 without a common word", () => {
  expect(sentenceBleu("a b c d", "a b c d")).toBeCloseTo(1, 14);
  expect(sentenceBleu("a b c d", "e f g h")).toBe(0);
  expect(sentenceBleu("", "")).toBe(0);
});

test("a cluster is joined by its mean distance, strictly below the threshold", () => {
  const chain = [
    [0, 0.4, 0.9],
    [0.4, 0, 0.4],
    [0.9, 0.4, 0],
  ];
  expect(clusterByDistance(chain)).toEqual([0, 0, 1]);
  expect(clusterByDistance(chain, 0.4)).toEqual([0, 1, 2]);
  expect(clusterByDistance(chain, 0.66)).toEqual([0, 0, 0]);
});
