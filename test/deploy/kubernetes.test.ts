import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { schedulerVariables } from "@centralcloud/cli";
import { consoleVariables, readConsoleConfiguration } from "@centralcloud/console";
import { consumerVariables, readConsumerConfiguration } from "@centralcloud/consumer";
import { describe, expect, test } from "vitest";
import { findTypeMistakes, validateBySchema } from "../support/kubernetes-types.ts";
import {
  buildKustomization,
  generatedSecrets,
  type Manifest,
  parseYaml,
} from "../support/kustomize.ts";
import { runCommand } from "../support/run-command.ts";

const folder = fileURLToPath(new URL("../../deploy/kubernetes/", import.meta.url));
const secrets = generatedSecrets(`${folder}secrets/kustomization.yaml`);
const hasKubectl = spawnSync("kubectl", ["kustomize", "--help"]).status === 0;

type Labels = Readonly<Record<string, string>>;
interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { name: string; value: string }[];
  readonly ports?: readonly { name: string; containerPort: number }[];
  readonly volumeMounts: readonly { name: string; mountPath: string }[];
  readonly securityContext: unknown;
  readonly resources: unknown;
  readonly [probe: string]: unknown;
}
interface Workload {
  readonly manifest: Manifest;
  readonly name: string;
  readonly labels: Labels;
  readonly pod: {
    readonly containers: readonly Container[];
    readonly volumes: readonly { name: string; secret: { secretName: string } }[];
    readonly terminationGracePeriodSeconds?: number;
    readonly topologySpreadConstraints?: readonly { labelSelector: { matchLabels: Labels } }[];
    readonly securityContext: unknown;
    readonly automountServiceAccountToken: boolean;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  return manifests
    .filter(({ kind }) => kind === "Deployment" || kind === "Job")
    .map((manifest) => {
      const spec = manifest.spec as Workload["spec"] & {
        template: { metadata: { labels: Labels }; spec: Workload["pod"] };
      };
      const { metadata, spec: pod } = spec.template;
      return { manifest, name: manifest.metadata.name, labels: metadata.labels, pod, spec };
    });
}

/** The order of lists depends on who merges them; here it says nothing. */
function inOneOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    const text = (entry: unknown) => JSON.stringify(entry);
    return value.map(inOneOrder).sort((a, b) => text(a).localeCompare(text(b)));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(entries.map(([key, entry]) => [key, inOneOrder(entry)]));
}

function find<Found>(things: readonly Found[], is: (thing: Found) => boolean): Found {
  const found = things.find(is);
  if (found === undefined) throw new Error("there is none such");
  return found;
}

describe.each(["small", "production"])("the overlay %s", (overlay) => {
  const manifests = buildKustomization(`${folder}overlays/${overlay}`);
  const workloads = workloadsOf(manifests);
  const consumer = find(workloads, ({ name }) => name === "centralcloud-consumer");
  const specOf = (kind: string) =>
    find(manifests, (manifest) => manifest.kind === kind).spec as Record<string, unknown>;

  test.skipIf(!hasKubectl)("is what kubectl makes of it", () => {
    const text = execFileSync("kubectl", ["kustomize", `${folder}overlays/${overlay}`], {
      encoding: "utf8",
    });
    expect(inOneOrder(parseYaml(text))).toEqual(inOneOrder(manifests));
  });

  test("meets the published schemas, and has no field that they don't know", async () => {
    for (const manifest of manifests) validateBySchema(manifest);
    expect(await findTypeMistakes(manifests)).toBe("");
  });

  test("names only variables that there are, with values that the consumer accepts", () => {
    for (const { pod } of workloads) {
      for (const { name } of pod.containers.flatMap(({ env }) => env)) {
        const known = [...consumerVariables, ...schedulerVariables, ...consoleVariables];
        expect(known).toContain(name.replace(/_FILE$/, ""));
      }
    }
    const [container] = consumer.pod.containers;
    const given = container?.env.filter(({ name }) => !name.endsWith("_FILE")) ?? [];
    const configuration = readConsumerConfiguration({
      ...Object.fromEntries(given.map(({ name, value }) => [name, value])),
      SOURCE_DATABASE_URLS: "postgres://consumer@host/singularity",
      CENTRAL_DATABASE_URL: "postgres://consumer@host/centralcloud",
    });
    expect(container?.ports).toEqual([{ name: "http", containerPort: configuration.httpPort }]);
    expect(consumer.pod.terminationGracePeriodSeconds).toBeGreaterThan(
      configuration.shutdownGraceS,
    );
  });

  test("gives the console, where there is one, values that it accepts, and no private key", () => {
    const found = workloads.find(({ name }) => name === "centralcloud-console");
    expect(found === undefined).toBe(overlay === "small");
    if (found === undefined) return;
    const [container] = found.pod.containers;
    const env = container?.env ?? [];
    const given = env.filter(({ name }) => !name.endsWith("_FILE"));
    const urls = {
      SOURCE_DATABASE_URLS: "postgres://v@h/s",
      CENTRAL_DATABASE_URL: "postgres://v@h/c",
    };
    const configuration = readConsoleConfiguration({
      ...Object.fromEntries(given.map(({ name, value }) => [name, value])),
      ...urls,
      CONSOLE_PROXY_SECRET: "x".repeat(32),
    });
    expect(container?.ports).toEqual([{ name: "console", containerPort: configuration.port }]);
    expect(env.map(({ name }) => name).join()).not.toContain("SESSION_PRIVATE_KEYS");
  });

  test("takes each secret from a file of a secret that there is", () => {
    for (const { pod } of workloads) {
      const secretOf = new Map(pod.volumes.map(({ name, secret }) => [name, secret.secretName]));
      for (const { env, volumeMounts } of pod.containers) {
        const files = env.filter(({ name }) => name.endsWith("_FILE"));
        expect(files.length).toBeGreaterThan(0);
        for (const { value } of files) {
          const mount = find(volumeMounts, ({ mountPath }) => value.startsWith(`${mountPath}/`));
          const keys = secrets.get(secretOf.get(mount.name) ?? "");
          expect(keys).toContain(value.slice(mount.mountPath.length + 1));
        }
        expect(env.map(({ value }) => value).join()).not.toContain("postgres://");
      }
    }
  });

  test("runs commands that there are", async () => {
    for (const { args } of workloads.flatMap(({ pod }) => pod.containers)) {
      expect(await runCommand([...args, "--help"], {})).toMatchObject({ exitCode: 0 });
    }
  });

  test("asks the port on which the consumer answers", () => {
    const [container] = consumer.pod.containers;
    const ask = (path: string) => expect.objectContaining({ httpGet: { path, port: "http" } });
    expect(container).toMatchObject({
      startupProbe: ask("/healthz"),
      livenessProbe: ask("/healthz"),
      readinessProbe: ask("/readyz"),
    });
    expect(specOf("Service").ports).toEqual([{ name: "http", port: 9464, targetPort: "http" }]);
    expect(specOf("NetworkPolicy")).toMatchObject({
      ingress: [{ ports: [{ port: "http", protocol: "TCP" }] }],
    });
  });

  test("asks a scheduler, where there is one, at its own port", () => {
    const scheduler = workloads.find(({ pod }) => pod.containers[0]?.args.includes("scheduler"));
    const [container] = scheduler?.pod.containers ?? [];
    if (container === undefined) return;
    const ask = (path: string) => expect.objectContaining({ httpGet: { path, port: "health" } });
    expect(container).toMatchObject({
      startupProbe: ask("/healthz"),
      livenessProbe: ask("/healthz"),
      readinessProbe: ask("/readyz"),
      env: expect.arrayContaining([{ name: "SCHEDULER_HTTP_PORT", value: "9464" }]),
    });
  });

  test("selects the pods that it means", () => {
    const selectorOf = (spec: Readonly<Record<string, unknown>>) =>
      (spec.selector as { matchLabels: Labels }).matchLabels;
    for (const { manifest, labels, spec } of workloads) {
      if (manifest.kind === "Deployment") expect(labels).toEqual(selectorOf(spec));
      expect(labels).toMatchObject(
        (specOf("NetworkPolicy").podSelector as { matchLabels: Labels }).matchLabels,
      );
    }
    expect(specOf("Service").selector).toEqual(consumer.labels);
    const budgets = manifests.filter(({ kind }) => kind === "PodDisruptionBudget");
    const deployments = workloads.filter(({ manifest }) => manifest.kind === "Deployment");
    expect(budgets.map(({ spec }) => selectorOf(spec as Workload["spec"]))).toEqual(
      deployments.map(({ labels }) => labels),
    );
    const spreads = consumer.pod.topologySpreadConstraints ?? [];
    expect(spreads.length).toBeGreaterThan(0);
    for (const { labelSelector } of spreads) {
      expect(labelSelector.matchLabels).toEqual(consumer.labels);
    }
    const components = workloads.map(({ labels }) => labels["app.kubernetes.io/component"]);
    expect(new Set(components).size).toBe(workloads.length);
  });

  test("is scaled by one autoscaler, which nothing contradicts", () => {
    const autoscalers = manifests.filter(({ kind }) =>
      ["HorizontalPodAutoscaler", "ScaledObject"].includes(kind),
    );
    expect(autoscalers).toHaveLength(1);
    expect(autoscalers[0]?.spec).toMatchObject({ scaleTargetRef: { name: consumer.name } });
    expect(consumer.spec).not.toHaveProperty("replicas");
  });

  test("gives the autoscaler a login by a secret that there is", () => {
    const found = manifests.filter(({ kind }) => kind === "TriggerAuthentication");
    expect(found).toHaveLength(overlay === "production" ? 2 : 0);
    for (const { spec } of found) {
      const { secretTargetRef } = spec as { secretTargetRef: { name: string; key: string }[] };
      for (const { name, key } of secretTargetRef) expect(secrets.get(name)).toContain(key);
    }
    if (overlay !== "production") return;
    const { triggers } = specOf("ScaledObject") as {
      triggers: { authenticationRef: { name: string } }[];
    };
    expect(new Set(triggers.map(({ authenticationRef }) => authenticationRef.name))).toEqual(
      new Set(found.map(({ metadata }) => metadata.name)),
    );
  });

  test("keeps to the restricted profile of pod security", () => {
    for (const { pod } of workloads) {
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const { securityContext, resources } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
      }
    }
  });
});

test("Prometheus' operator gets the port of the consumers, and the alerts as they are", () => {
  const text = execFileSync(`${folder}prometheus-operator`, {
    encoding: "utf8",
    env: { ...process.env, PROMETHEUS_LABELS: "release: monitoring" },
  });
  const [monitor, rule] = parseYaml(text) as [Manifest, Manifest];
  const labels = { "app.kubernetes.io/name": "centralcloud", release: "monitoring" };
  expect(monitor).toMatchObject({
    kind: "PodMonitor",
    metadata: { labels },
    spec: { podMetricsEndpoints: [{ port: "http", path: "/metrics" }] },
  });
  const consumer = find(
    workloadsOf(buildKustomization(`${folder}overlays/small`)),
    ({ name }) => name === "centralcloud-consumer",
  );
  const { selector } = monitor.spec as { selector: { matchLabels: Labels } };
  expect(selector.matchLabels).toEqual(consumer.labels);
  const rules = readFileSync(`${folder}../observability/prometheus-rules.yaml`, "utf8");
  expect(rule).toMatchObject({ kind: "PrometheusRule", metadata: { labels } });
  expect(rule.spec).toEqual(parseYaml(rules)[0]);
});

test("the check of the types finds a field that does not exist, and the schemas a wrong type", async () => {
  const [manifest] = buildKustomization(`${folder}overlays/small`).filter(
    ({ kind }) => kind === "PodDisruptionBudget",
  ) as [Manifest];
  const misspelt = { ...manifest, spec: { ...(manifest.spec as object), maxUnavailabel: 1 } };
  expect(await findTypeMistakes([misspelt])).toContain("maxUnavailabel");
  expect(() => validateBySchema({ ...manifest, spec: { selector: "all" } })).toThrow("selector");
});
