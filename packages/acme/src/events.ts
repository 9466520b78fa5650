import type { Certificate } from './certificate.ts';
import type { Failure } from './failure.ts';
import type { ChallengeType } from './ports.ts';

export type AcmeEvent =
  /** An order was placed; a rehearsal is at the authority's test twin, and its certificate is thrown away. */
  | {
      readonly type: 'ordered';
      readonly host: string;
      readonly challenge: ChallengeType;
      readonly isRehearsal: boolean;
    }
  /** In service from now on. */
  | { readonly type: 'issued'; readonly host: string; readonly certificate: Certificate; readonly isRenewal: boolean }
  | { readonly type: 'failed'; readonly host: string; readonly failure: Failure; readonly nextTryAt: number }
  /** Nothing that stops an order, but likely to be why it will fail. */
  | { readonly type: 'doubt'; readonly host: string; readonly reason: string }
  /** In service, and not quite as it was asked for. */
  | { readonly type: 'warning'; readonly host: string; readonly reason: string }
  /** Cannot have a certificate, and why. */
  | { readonly type: 'unqualified'; readonly host: string; readonly reason: string }
  /** Once for each of 21, 7, 1 and 0 days, where that is later than a renewal should have come. */
  | { readonly type: 'expiring'; readonly host: string; readonly days: number; readonly notAfter: number }
  | { readonly type: 'revoked'; readonly host: string };

export type OnAcmeEvent = (event: AcmeEvent) => void;
