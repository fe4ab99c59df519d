import { describe } from 'vitest';
import { killSuite } from './killSuite.js';

describe('kill -9', () => killSuite(4, 0));
