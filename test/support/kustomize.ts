import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, parseDocument } from "yaml";

/** One object of Kubernetes, as it is written. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

interface Kustomization {
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly images?: readonly { name: string; newName?: string; newTag?: string }[];
  readonly patches?: readonly { path: string }[];
}

const understood = [
  "apiVersion",
  "kind",
  "namespace",
  "resources",
  "components",
  "images",
  "patches",
];

/** Whose entries are the same when this field of theirs is; other lists of a patch replace the old one. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  topologySpreadConstraints: "topologyKey",
};

/**
 * What `kubectl kustomize` makes of a folder, as far as ours go: resources, components, patches by path,
 * images and the namespace.
 *
 * @throws {Error} for a field of a kustomization that this does not know.
 */
export function buildKustomization(folder: string): Manifest[] {
  const [kustomization] = readYaml(join(folder, "kustomization.yaml")) as [Kustomization];
  const unknown = Object.keys(kustomization).filter((key) => !understood.includes(key));
  if (unknown.length > 0)
    throw new Error(`${folder}: ${unknown.join(", ")} is not understood here`);
  const { resources = [], components = [], images = [], patches = [], namespace } = kustomization;
  const built = [...resources, ...components].flatMap((path) => {
    if (path.endsWith(".yaml")) return readYaml(join(folder, path)) as Manifest[];
    return buildKustomization(join(folder, path));
  });
  const patched = patches.reduce(
    (manifests, { path }) => applyPatch(manifests, join(folder, path)),
    built,
  );
  return patched.map((manifest) => inNamespace(withImages(manifest, images), namespace));
}

function applyPatch(manifests: readonly Manifest[], path: string): Manifest[] {
  const [patch] = readYaml(path) as [Manifest];
  const isTarget = ({ kind, metadata }: Manifest) =>
    kind === patch.kind && metadata.name === patch.metadata.name;
  if (!manifests.some(isTarget)) throw new Error(`${path} patches what is not there`);
  return manifests.map((manifest) =>
    isTarget(manifest) ? (merge(manifest, patch, "") as Manifest) : manifest,
  );
}

function merge(old: unknown, patch: unknown, field: string): unknown {
  const key = mergeKeys[field];
  if (Array.isArray(old) && Array.isArray(patch) && key !== undefined) {
    const kept = old.map((entry) => {
      const change = patch.find((candidate) => candidate[key] === entry[key]);
      return change === undefined ? entry : merge(entry, change, "");
    });
    const added = patch.filter((entry) => !old.some((candidate) => candidate[key] === entry[key]));
    return [...kept, ...added];
  }
  if (!isRecord(old) || !isRecord(patch)) return patch;
  const merged = { ...old };
  for (const [name, value] of Object.entries(patch)) merged[name] = merge(old[name], value, name);
  return merged;
}

function withImages(manifest: Manifest, images: NonNullable<Kustomization["images"]>): Manifest {
  const replaced = JSON.stringify(manifest, (key, value: unknown) => {
    const image = images.find(({ name }) => key === "image" && value === name);
    return image === undefined ? value : `${image.newName ?? image.name}:${image.newTag}`;
  });
  return JSON.parse(replaced) as Manifest;
}

function inNamespace(manifest: Manifest, namespace: string | undefined): Manifest {
  if (namespace === undefined || manifest.kind === "Namespace") return manifest;
  return { ...manifest, metadata: { ...manifest.metadata, namespace } };
}

function readYaml(path: string): unknown[] {
  try {
    return parseYaml(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Every document of a text. Kubernetes reads numbers as YAML 1.1 does: 0440 is octal. */
export function parseYaml(text: string): unknown[] {
  return parseAllDocuments(text, { version: "1.1", merge: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw error;
    return document.toJS() as unknown;
  });
}

/** The files of a kustomization's secrets: the secret's name and its keys. */
export function generatedSecrets(path: string): Map<string, readonly string[]> {
  const { secretGenerator } = parseDocument(readFileSync(path, "utf8")).toJS() as {
    secretGenerator: { name: string; files: string[] }[];
  };
  return new Map(
    secretGenerator.map(({ name, files }) => [name, files.map((file) => file.split("=")[0] ?? "")]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
