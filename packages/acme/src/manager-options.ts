import type { OnAcmeEvent } from './events.ts';
import type { KeyType } from './key-pair.ts';
import type { CertStore, Issuer, Leaser, Now, Solver } from './ports.ts';
import type { Preflight } from './preflight.ts';

export interface CertManagerOptions {
  readonly store: CertStore;
  readonly leaser: Leaser;
  readonly issuer: Issuer;
  /** The authority's test twin (A15). Left out: failed validations are tried again at the authority itself. */
  readonly rehearsal?: Issuer;
  /** In the order in which they are tried; the first is the usual one. */
  readonly solvers: readonly Solver[];
  readonly preflight?: Preflight;
  /** Milliseconds since the epoch. */
  readonly now: Now;
  readonly random?: () => number;
  /** Default `ecdsa-p256`. */
  readonly keyType?: KeyType;
  /** Hosts for which something is done at once; default 4. */
  readonly concurrency?: number;
  /** An order that is not done by then is given up; default ten minutes. */
  readonly orderTimeoutMs?: number;
  /** Names that mean nothing to the public are asked for too: for an authority of one's own. */
  readonly allowLocal?: boolean;
  /** How long the files of a name are kept that is not managed any more; default 30 days. */
  readonly graceMs?: number;
  /** Any text that changes with the settings: what was refused under other ones is tried again at once. */
  readonly configuration?: string;
  readonly onEvent?: OnAcmeEvent;
}
