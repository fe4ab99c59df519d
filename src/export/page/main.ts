/// <reference lib="dom" />
import { mountClassifier } from './classify.js';
import { IDS, type PageConfig } from './config.js';
import { startEngine } from './engine.js';
import { mountCutter } from './segment.js';

const config = JSON.parse(document.getElementById(IDS.config)!.textContent!) as PageConfig;
const root = document.getElementById('desk')!;
const banner = document.getElementById('banner')!;

function problem(sentence: string | undefined): void {
  banner.hidden = sentence === undefined;
  banner.textContent = sentence ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : '';
}

const loading = document.getElementById('loading')!;
try {
  const engine = await startEngine((progress) => {
    loading.textContent = `${progress} …`;
  });
  loading.remove();
  (config.task === 'segmentation' ? mountCutter : mountClassifier)(root, config, engine, problem);
  document.documentElement.dataset.state = 'ready';
} catch (error) {
  loading.remove();
  problem(`the network could not be started: ${error instanceof Error ? error.message : String(error)}`);
  document.documentElement.dataset.state = 'failed';
}
