import { describe } from 'vitest';
import { openLocalGate } from '../support/openGate.js';
import { gateSuite } from '../support/portSuites/gateSuite.js';

describe('the gate in this process', () => gateSuite(openLocalGate));
