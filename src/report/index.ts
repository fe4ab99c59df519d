export { type ClassScores, type ConfusionCounts, classScores, commonMixups, confusionChart } from './confusion.js';
export { curveChart, curveNames, learningRateChart } from './curves.js';
export type { Evaluation, ReportData } from './data.js';
export { writeReport } from './report.js';
export { chooseSamples, type Sample, type Verdict } from './samples.js';
