import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as keda from "@kubernetes-models/keda/keda.sh/v1alpha1";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as batch from "kubernetes-models/batch/v1";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import type { Manifest } from "./kustomize.ts";

type Model = new (manifest: never) => { validate(): void };

/** The published schemas that we have, by `apiVersion`, and where their types are. */
const groups: Readonly<Record<string, { readonly models: object; readonly module: string }>> = {
  v1: { models: core, module: "kubernetes-models/v1" },
  "apps/v1": { models: apps, module: "kubernetes-models/apps/v1" },
  "autoscaling/v2": { models: autoscaling, module: "kubernetes-models/autoscaling/v2" },
  "batch/v1": { models: batch, module: "kubernetes-models/batch/v1" },
  "keda.sh/v1alpha1": { models: keda, module: "@kubernetes-models/keda/keda.sh/v1alpha1" },
  "networking.k8s.io/v1": { models: networking, module: "kubernetes-models/networking.k8s.io/v1" },
  "policy/v1": { models: policy, module: "kubernetes-models/policy/v1" },
};

/** What newer versions have than the types that are published, as a type to add. */
const additions: Readonly<Record<string, string>> = {
  // KEDA 2.12
  ScaledObject: `& { spec: { advanced?: { scalingModifiers?: {
    target: string; formula: string; activationTarget?: string; metricType?: "AverageValue" | "Value" } } } }`,
};

function groupOf({ apiVersion, kind }: Manifest) {
  const group = groups[apiVersion];
  if (group === undefined || !(kind in group.models)) {
    throw new Error(`there is no schema of ${apiVersion} ${kind}`);
  }
  return group;
}

/** @throws {Error} where a manifest is not what its schema says: a wrong type, a missing field. */
export function validateBySchema(manifest: Manifest): void {
  const { [manifest.kind as never]: model } = groupOf(manifest).models;
  new (model as Model)(manifest as never).validate();
}

/**
 * Lets the compiler compare manifests with the types of their schemas. It finds what the schemas let pass:
 * a field that does not exist.
 *
 * @returns what it says, a line a mistake; nothing where all is well.
 */
export async function findTypeMistakes(manifests: readonly Manifest[]): Promise<string> {
  const folder = mkdtempSync(fileURLToPath(new URL("../.verify-kubernetes-", import.meta.url)));
  try {
    const lines = manifests.map((manifest, index) => {
      const { module } = groupOf(manifest);
      const type = `import("${module}").I${manifest.kind}${additions[manifest.kind] ?? ""}`;
      return `export const manifest${index}: ${type} = ${JSON.stringify(manifest, undefined, 1)};\n`;
    });
    const file = join(folder, "manifests.ts");
    writeFileSync(file, lines.join(""));
    const compiler = createRequire(import.meta.url).resolve("typescript/package.json");
    const options = "--noEmit --strict --skipLibCheck --ignoreConfig --module nodenext".split(" ");
    const command = [join(compiler, "../bin/tsc"), ...options, file];
    await promisify(execFile)(process.execPath, command);
    return "";
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (!stdout) throw error;
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
