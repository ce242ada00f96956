import type { Nemesis, NemesisKind } from '../ports.js';
import { diskFull } from './diskFull.js';
import { kill } from './kill.js';
import { leaderKill } from './leaderKill.js';
import { leaveJoin } from './leaveJoin.js';
import { partition } from './partition.js';
import { pause } from './pause.js';
import { postgresStop } from './postgresStop.js';
import { editorAway, reload } from './reload.js';
import { simulatorFault } from './simulatorFault.js';
import { wire } from './wire.js';

/** Every nemesis there is, by the name a schedule calls it. */
export const NEMESES: Readonly<Record<NemesisKind, Nemesis>> = {
  kill,
  pause,
  wire,
  simulator_fault: simulatorFault,
  reload,
  editor_away: editorAway,
  leave_join: leaveJoin,
  postgres_stop: postgresStop,
  disk_full: diskFull,
  leader_kill: leaderKill,
  partition,
};
