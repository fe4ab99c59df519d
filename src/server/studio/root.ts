import { realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { findRuns } from '../../cli/run-list.js';
import { isMissing } from '../../node/errors.js';
import { CONFIG_FILE } from '../../train/run.js';
import { HttpProblem } from '../problem.js';

/** A run's identifier: names of folders, joined by slashes. */
const isIdentifier = (id: string): boolean =>
  id.length <= 1024 &&
  !/[\\\0]/.test(id) &&
  id.split('/').every((part) => part !== '' && part !== '.' && part !== '..') &&
  // A drive is no folder.
  !/^[a-z]:/i.test(id);

/** The folder that the runs lie in: nothing outside of it is read, written or named. */
export class RunsRoot {
  private constructor(
    /** Absolute, without links. */
    readonly path: string,
    /** As the person gave it. */
    readonly shown: string,
  ) {}

  /** @throws Error, one sentence, if there is no such folder */
  static async open(shown: string): Promise<RunsRoot> {
    const path = await realpath(shown).catch((error) => {
      throw isMissing(error)
        ? new Error(`there is no folder ${shown}: give the one that runs lie in as --runs`)
        : error;
    });
    if (!(await stat(path)).isDirectory())
      throw new Error(`${shown} is no folder: give the one that runs lie in as --runs`);
    if (await exists(join(path, CONFIG_FILE)))
      throw new Error(`${shown} is a run itself: give the folder that it lies in as --runs`);
    return new RunsRoot(path, shown);
  }

  /** Identifiers of all runs. */
  async list(): Promise<string[]> {
    return (await findRuns(this.path, true)).map((path) => this.identify(path));
  }

  identify(path: string): string {
    return relative(this.path, path).split(sep).join('/');
  }

  /** Where a run of that name is or would be. @throws HttpProblem 404 for what can be no run */
  place(id: string): string {
    if (!isIdentifier(id)) throw noRun(id);
    return join(this.path, ...id.split('/'));
  }

  /**
   * The directory of a run, without links.
   * @throws HttpProblem 404 if it is not there, is no run, or lies outside of the runs folder
   */
  async resolve(id: string): Promise<string> {
    const path = await inside(this.path, this.place(id));
    if (path === undefined || !(await exists(join(path, CONFIG_FILE)))) throw noRun(id);
    return path;
  }
}

const noRun = (id: string): HttpProblem =>
  new HttpProblem(404, `there is no run ${JSON.stringify(id.slice(0, 100))} in the runs folder`);

/** The real path of something within a folder (itself a real path), or undefined if it is not there or leads out of it. */
export async function inside(folder: string, path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => undefined);
  return real?.startsWith(folder.endsWith(sep) ? folder : folder + sep) ? real : undefined;
}

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
