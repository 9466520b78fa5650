import type { AlpnCertificate, Http01Answers } from '@orca/acme';
import type { HttpsFront } from './https-publisher.ts';

/**
 * What the proxy shows to authorities. What could not be told to it must neither stay there nor be
 * missing until the next change, so it `isStale` then, and is told with the next `show`. So is what
 * an earlier server left there.
 */
export class ChallengeBoard {
  readonly #front: Pick<HttpsFront, 'setAnswers' | 'setAlpnCertificates'>;
  /** Those whose challenges are answered here; for the others one of somebody's own goes to the service. */
  #managed: readonly string[] = [];
  #answers: Http01Answers = {};
  #alpn: readonly AlpnCertificate[] = [];
  #isAnswersStale = true;
  #isAlpnStale = true;

  constructor(front: Pick<HttpsFront, 'setAnswers' | 'setAlpnCertificates'>) {
    this.#front = front;
  }

  get isStale(): boolean {
    return this.#isAnswersStale || this.#isAlpnStale;
  }

  /** `inForce` says, after a failure, what is to be answered instead. */
  async publishAnswers(answers: Http01Answers, inForce: () => Http01Answers): Promise<void> {
    this.#answers = answers;
    try {
      await this.#front.setAnswers(this.#managed, answers);
    } catch (error) {
      this.#answers = inForce();
      this.#isAnswersStale = true;
      throw error;
    }
  }

  async publishAlpn(
    certificates: readonly AlpnCertificate[],
    inForce: () => readonly AlpnCertificate[],
  ): Promise<void> {
    this.#alpn = certificates;
    try {
      await this.#front.setAlpnCertificates(certificates);
    } catch (error) {
      this.#alpn = inForce();
      this.#isAlpnStale = true;
      throw error;
    }
  }

  /** Puts in force what is not; does nothing when all is. */
  async show(managed: readonly string[] = this.#managed): Promise<void> {
    if (this.#isAnswersStale || managed.join() !== this.#managed.join()) {
      this.#managed = managed;
      // Stale until it is told; what fails meanwhile makes it so again.
      this.#isAnswersStale = false;
      await this.#front.setAnswers(managed, this.#answers).catch((error: unknown) => {
        this.#isAnswersStale = true;
        throw error;
      });
    }
    if (!this.#isAlpnStale) return;
    this.#isAlpnStale = false;
    await this.#front.setAlpnCertificates(this.#alpn).catch((error: unknown) => {
      this.#isAlpnStale = true;
      throw error;
    });
  }
}
