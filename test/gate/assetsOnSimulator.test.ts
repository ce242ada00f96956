import { describe } from 'vitest';
import { openRemoteGate } from '../support/openGate.js';
import { gateAssetSuite } from '../support/portSuites/gateAssetSuite.js';

describe('the gate behind HTTP', () => gateAssetSuite(openRemoteGate));
