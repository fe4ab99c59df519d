import { describe } from 'vitest';
import { killSuite } from './killSuite.js';

describe('kill -9, many times and at every point inside a write', () => killSuite(60, 1));
