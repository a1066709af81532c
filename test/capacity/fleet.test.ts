import { describe, expect, test } from "vitest";
import type { Figures, MessageFigures } from "../../tools/capacity/figures.ts";
import { limitsOf, planFleet, usual } from "../../tools/capacity/fleet.ts";

/** Round figures, so that what comes of them can be reckoned in one's head. */
const message: MessageFigures = {
  messages: 1,
  bytes: 100,
  sendUs: 10,
  sendWalBytes: 100,
  settleUs: 20,
  settleWalBytes: 100,
  nodeUs: 20,
  mergeUs: 50,
  mergeWalBytes: 1_000,
  archiveBytes: 500,
  ledgerBytes: 100,
  perSecond: 1_000,
};
const figures: Figures = {
  measuredAt: "",
  machine: "",
  pattern: {
    ...message,
    newPatterns: 1,
    newAgents: 1,
    patternRowBytes: 500,
    agentRowBytes: 200,
  },
  session: { ...message, nodeUs: 2_000, sessionRowBytes: 1_000 },
  seal: { openpgpUs: 2_000, sealedBoxUs: 100 },
  idle: {
    sources: 10,
    nodeMsPerSecond: 0.5,
    sourceMsPerSecond: 1,
    sourceConnections: 2,
    centralConnections: 2,
  },
  busy: { sourceConnections: 5, centralConnections: 4 },
};
/** One message a second in the mean, half of them sessions; four in the busiest hour. */
const given = {
  ...usual,
  agentsPerSource: 1,
  patternsPerAgentHour: 1_800,
  sessionsPerAgentHour: 1_800,
  newSessionsPerAgentDay: 0,
};

describe("a thousand sources of a message a second", () => {
  const fleet = planFleet(figures, given, 1_000);

  test("have the rates, and the cores that these cost", () => {
    expect(fleet).toMatchObject({ meanPerSecond: 1_000, peakPerSecond: 4_000 });
    expect(fleet.cores.central).toBeCloseTo(0.2);
    // 0.2 cores, busy to 60 %, of which many make 70 %.
    expect(fleet.centralCores).toBe(1);
    expect(fleet.cores.eachSource).toBeCloseTo(0.00012);
    expect(fleet.cores.nodeOpenPgp).toBeCloseTo(4_000 * 20e-6 + 2_000 * 2_000e-6);
    // Four cores of seals, three threads in a replica, busy to 60 %: 2.2.
    expect(fleet.replicasOpenPgp).toBe(3);
    expect(fleet.replicasSealedBox).toBe(2);
  });

  test("keep a day of the ledger, 90 of their archives, and write a log", () => {
    expect(fleet.ledgerRows).toBe(86_400_000);
    expect(fleet.disk.ledger).toBe(8_640_000_000);
    expect(fleet.disk.eachSourceArchive).toBe(500 * 86_400 * 90);
    expect(fleet.disk.growthPerDay).toBeCloseTo(500 * 86_400 * (0.1 * 500 + 0.3 * 200));
    expect(fleet.centralWalMbPerSecond).toBeCloseTo(4);
    expect(fleet.centralWalGbPerDay).toBeCloseTo(86.4);
  });

  test("need no more connections at a source than its own replicas, where each has its own", () => {
    expect(fleet.connections).toEqual({
      eachSourceShared: 30,
      eachSourceOwned: 20,
      central: 51,
      oneReplicaIdle: 2_002,
    });
    expect(fleet.idleCores).toBeCloseTo(0.5);
  });
});

test("the first limit decides how many sources a central database bears", () => {
  const small = limitsOf(figures, given, 2);
  expect(small.byProcessor).toBeCloseTo((2 * 0.42) / 50e-6);
  expect(small.sources).toBe(Math.floor(small.byProcessor / 4));
  const large = limitsOf(figures, given, 64);
  expect(large.byLog).toBeCloseTo(100_000);
  // 500 messages hold the hot row for 4.5 ms and a flush of 1 ms; half of all messages are patterns.
  expect(large.byHotPattern).toBeCloseTo((2 * 500) / 0.0055);
  expect(large.sources).toBe(25_000);
});

test("everything grows with the number of sources, and nothing of one source does", () => {
  const [some, more] = [planFleet(figures, given, 10), planFleet(figures, given, 20)];
  expect(more.peakPerSecond).toBeCloseTo(2 * some.peakPerSecond);
  expect(more.disk.growthPerDay).toBeCloseTo(2 * some.disk.growthPerDay);
  expect(more.cores.eachSource).toBe(some.cores.eachSource);
});
