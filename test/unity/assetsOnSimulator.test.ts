import { describe } from 'vitest';
import { openLocalGate } from '../support/openGate.js';
import { gateAssetSuite } from '../support/portSuites/gateAssetSuite.js';

describe('the gate in this process', () => gateAssetSuite(openLocalGate));
