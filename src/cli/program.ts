import { Command } from 'commander';
import { addBench } from './bench.js';
import { addConvert } from './convert.js';
import { addData } from './data.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor.js';
import { addEval } from './eval.js';
import { addExport } from './export.js';
import { addFindLr } from './find-lr.js';
import { addInspect } from './inspect.js';
import { addPredict } from './predict.js';
import { addRace } from './race.js';
import { addRuns } from './runs.js';
import { addServe } from './serve.js';
import { addStudio } from './studio.js';
import { addTrain } from './train.js';
import { version } from './version.js';

/** The whole command line. Commands load what they need when they run, so that help is quick. */
export function createProgram(): Command {
  const program = new Command('fovea')
    .description('Understand, train and ship the classic vision networks.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help on a command')
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of [
    addTrain,
    addFindLr,
    addRace,
    addEval,
    addPredict,
    addExport,
    addServe,
    addStudio,
    addConvert,
    addRuns,
    addInspect,
    addBench,
    addData,
    addDoctor,
    addDemo,
  ])
    add(program);
  for (const command of program.commands) inherit(command);
  return program;
}

function inherit(command: Command): void {
  command.exitOverride().showSuggestionAfterError();
  for (const inner of command.commands) inherit(inner);
}
