import type { Certificate } from './certificate.ts';
import { decide } from './decide.ts';
import type { AcmeEvent } from './events.ts';
import { longestWaitMs, withSaneTimes, type HostRecord } from './host-record.ts';
import type { StepResult } from './host-step.ts';
import { stateOf, type HostState } from './host-state.ts';
import { expiryThreshold } from './renewal.ts';

/** One managed host, as far as this process knows it. */
export class HostEntry {
  readonly host: string;
  /** Why nobody is asked for it. */
  readonly reason: string | undefined;
  certificate: Certificate | undefined;
  record: HostRecord;
  /** Not to be looked at before, whatever the record says. */
  notBefore = 0;
  isRunning = false;
  /** The last threshold that was warned of, with the serial of the certificate it was about. */
  #warned = '';

  constructor(host: string, reason: string | undefined, known: Pick<StepResult, 'certificate' | 'record'>) {
    this.host = host;
    this.reason = reason;
    this.certificate = known.certificate;
    this.record = known.record;
  }

  /** When something is to be done for it. */
  dueAt(now: number): number {
    if (this.reason !== undefined || this.isRunning) return Infinity;
    // A clock that is set back while this runs must not make anything wait for as long as it was ahead.
    const decision = decide({ certificate: this.certificate, record: withSaneTimes(this.record, now) }, now);
    const notBefore = this.notBefore > now + longestWaitMs ? 0 : this.notBefore;
    return Math.max(notBefore, decision.do === 'wait' ? decision.until : now);
  }

  take({ certificate, record, notBefore }: StepResult): void {
    this.certificate = certificate;
    this.record = record;
    this.notBefore = notBefore;
  }

  state(now: number): HostState {
    return stateOf(this.host, this, this.reason, now);
  }

  /** The warning that is due, once for each threshold. */
  warning(now: number): AcmeEvent | undefined {
    if (this.certificate === undefined) return undefined;
    const { serial, notAfter } = this.certificate;
    const days = expiryThreshold(this.certificate, now);
    const warned = `${serial} ${days}`;
    if (days === undefined || this.#warned === warned) return undefined;
    this.#warned = warned;
    return { type: 'expiring', host: this.host, days, notAfter };
  }
}
