import type { Series } from '../structure.js';
import type { Scene } from './scene.js';
export const isU = (_s: Series) => false;
export function drawU(_s: Scene, _series: Series, _l: number, _top: number): void {}
