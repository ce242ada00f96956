import { describe } from 'vitest';
import { openRemoteGate } from '../support/openGate.js';
import { gateSuite } from '../support/portSuites/gateSuite.js';

describe('the gate behind HTTP', () => gateSuite(openRemoteGate));
