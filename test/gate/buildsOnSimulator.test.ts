import { describe } from 'vitest';
import { openRemoteGate } from '../support/openGate.js';
import { gateBuildSuite } from '../support/portSuites/gateBuildSuite.js';

describe('the gate behind HTTP', () => gateBuildSuite(openRemoteGate));
