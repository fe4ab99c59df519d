/** Looking inside: what a network costs, how it is drawn, what its layers make of an image. Runs in a browser too. */
export { multiplyAdds } from '../tensor/cost.js';
export { type AnalyseOptions, type Analysis, analyse, type LayerInfo } from './analyse.js';
export { chromeTrace } from './chromeTrace.js';
export { type DrawingStyle, type DrawOptions, drawArchitecture, layOut, styleOf } from './draw/draw.js';
export { findOverlaps, type Scene } from './draw/scene.js';
export { type GradCam, type GradCamOptions, gradCam } from './gradCam.js';
export { type TrainingMemory, trainingMemory } from './memory.js';
export { featureGrid, filterGrid, heatOverlay } from './pictures.js';
export { type Probed, type ProbeOptions, type ProbeResult, probe } from './probe.js';
export { type Attainable, type Profile, type ProfileRow, summarise } from './profile.js';
export { Profiler, type ProfilerOptions } from './profiler.js';
export { profileTables } from './profileTable.js';
export { type ReceptiveField, receptiveFields } from './receptive.js';
export { type Step, type StepGraph, stepsOf } from './steps.js';
export { allSteps, type Fork, formatSeries, isFork, type Part, type Series, structureOf } from './structure.js';
export { foldLayers, formatSeconds, HEADINGS, layerCells, shortBytes, shortCount, totals } from './table.js';
export { type DeviceSpeed, measureBandwidth, measureSpeed, type PredictedTime, predictTime } from './time.js';
export { type TracedModel, traceModel } from './tracing.js';
