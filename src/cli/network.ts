import { existsSync } from 'node:fs';
import { register } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createModel, modelEntry } from '../models/index.js';
import type { ImageShape } from '../models/registry.js';
import { Module } from '../nn/module.js';
import type { ModelSpec, RunConfig } from '../train/config.js';
import type { Spec } from '../util/registry.js';
import { readSpec } from '../util/spec.js';
import { CommandError, ExitCode, sentenceOf } from './errors.js';

/** What a network is made for. */
export interface NetworkShape {
  readonly inputShape: readonly [number, number, number];
  readonly classes: number;
}

/** `./my-net.js` is a file, `lenet` a name. */
export const isModelPath = (model: string): boolean => /[/\\]/.test(model) || isCode(model);

export const isCode = (path: string): boolean => /\.[cm]?[jt]s$/i.test(path);

/** What a network is called in titles: by its registered name, or by its class. */
export const networkTitle = ({ model }: Pick<RunConfig, 'model'>, net: Module): string =>
  model && 'name' in model && model.name ? model.name : net.constructor.name;

/** Makes the network of a specification, without weights. Paths are taken from `cwd`. */
export async function makeNetwork(spec: ModelSpec, shape: NetworkShape, cwd = process.cwd()): Promise<Module> {
  if (!('path' in spec)) return createModel(spec.name, { ...shape, ...spec.options });
  return ownNetwork(spec.path, { ...shape, ...spec.options }, cwd);
}

/** A network by name or from a file, without weights. */
export interface Untrained {
  /** As it is called in titles. */
  readonly name: string;
  readonly net: Module;
  readonly inputShape: ImageShape;
  /** The one that trains it sensibly, where that is known. */
  readonly optimizer: Spec | undefined;
}

/** Makes the network that was named on the command line, for the images and classes given or those it is made for. */
export async function untrainedNetwork(model: string, input?: ImageShape, classes?: number): Promise<Untrained> {
  if (isModelPath(model)) {
    if (!input)
      throw new CommandError(`say what images ${model} takes: add --input CxHxW, such as 3x224x224`, ExitCode.usage);
    const net = await makeNetwork({ path: model }, { inputShape: input, classes: classes ?? 10 });
    return { name: net.constructor.name, net, inputShape: input, optimizer: undefined };
  }
  const asked = readSpec(model);
  const { name, optimizer, ...made } = modelEntry(asked.name);
  const inputShape = input ?? made.inputShape;
  const net = await makeNetwork({ ...asked, name }, { inputShape, classes: classes ?? made.classes });
  return { name, net, inputShape, optimizer };
}

/** For `loadRun`: the network of a run, from the registry or from the user's file. */
export function networkOf(config: RunConfig): Promise<Module> {
  if (!config.model)
    throw new CommandError('the run was made by a program with a network of its own; load it from there');
  const cwd = (config.extra as { cwd?: string } | undefined)?.cwd;
  return makeNetwork(config.model, { inputShape: config.inputShape, classes: config.classes.length }, cwd);
}

/**
 * The default export of a user's file: a class that extends `nn.Module` (its constructor gets `{ inputShape, classes }`),
 * a function of the same that gives a Module, or a Module.
 */
async function ownNetwork(path: string, shape: NetworkShape, cwd: string): Promise<Module> {
  const file = isAbsolute(path) ? path : resolve(cwd, path);
  if (!existsSync(file)) throw new CommandError(`there is no file ${path}${cwd === process.cwd() ? '' : ` in ${cwd}`}`);
  if (/\.[cm]?ts$/i.test(file) && !(process.features as { typescript?: unknown }).typescript)
    throw new CommandError(
      `${path} is TypeScript, which Node ${process.versions.node} does not run: compile it to .js`,
    );
  shareFovea();
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  } catch (error) {
    throw inFile(`${path} cannot be loaded`, error);
  }
  if (exported === undefined)
    throw new CommandError(
      `${path} has no default export; export default a class that extends nn.Module, a function ({ inputShape, classes }) => Module, or a Module`,
    );
  if (exported instanceof Module) return exported;
  if (typeof exported !== 'function')
    throw new CommandError(
      `the default export of ${path} is a ${typeof exported}, expected a class, a function or a Module`,
    );
  let made: unknown;
  try {
    made =
      exported.prototype instanceof Module
        ? new (exported as new (shape: NetworkShape) => Module)(shape)
        : await (exported as (shape: NetworkShape) => unknown)(shape);
  } catch (error) {
    throw inFile(`the network of ${path} cannot be made`, error);
  }
  if (made instanceof Module) return made;
  throw new CommandError(`the default export of ${path} gives no nn.Module (it gives ${describe(made)})`);
}

const inFile = (what: string, error: unknown): CommandError => {
  const wrapped = new CommandError(`${what}: ${sentenceOf(error)}`);
  if (error instanceof Error) wrapped.stack = error.stack;
  return wrapped;
};

const describe = (value: unknown) =>
  typeof value === 'object' && value !== null
    ? `an instance of ${value.constructor?.name ?? 'nothing'}`
    : String(value);

let shared = false;

/**
 * `import ... from 'fovea'` in the user's file means the very copy that runs, wherever the file lies: a second copy
 * would have Modules of its own.
 */
function shareFovea(): void {
  if (shared) return;
  shared = true;
  const entry = JSON.stringify(new URL('../index.js', import.meta.url).href);
  const hook = `export const resolve = (name, context, next) => name === 'fovea' ? { url: ${entry}, shortCircuit: true } : next(name, context);`;
  register(`data:text/javascript,${encodeURIComponent(hook)}`);
}
