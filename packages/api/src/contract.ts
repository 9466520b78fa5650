/** Asks the control plane to make the services as their files say. */
export interface DeployRequest {
  readonly services: readonly string[] | 'all';
  /** New instances of the services named, also of what has not changed; with `all` it is refused. */
  readonly recreate: boolean;
  /** Plan only: nothing is changed. */
  readonly dryRun: boolean;
  /** Confirms removing more services than the prune guard lets pass. */
  readonly allowMassRemoval: boolean;
  /** The infra root the caller stands in; a server of another root refuses. */
  readonly root: string | undefined;
}

export interface StopRequest {
  readonly services: readonly string[] | 'all';
}

/** A fault or a note about config text; lines and columns count from 1. */
export interface WireIssue {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly col: number;
  readonly path: string;
  readonly message: string;
}

export interface WireStep {
  readonly id: string;
  readonly service: string;
  /** The verb, for example `create` or `await ready`. */
  readonly action: string;
  readonly reason: string;
}

export interface WireFailure {
  readonly service: string;
  readonly reason: string;
  /** The container's last log lines, oldest first; secrets are already redacted. */
  readonly logs: readonly string[];
}

export type DeployOutcome = 'converged' | 'planned' | 'failed' | 'blocked' | 'cancelled' | 'refused';

export interface WireChange {
  readonly service: string;
  /** `removed`: the service is gone; `scaled_down` has fewer replicas; `cleared` lost only what an earlier try left. */
  readonly change:
    | 'created'
    | 'recreated'
    | 'started'
    | 'stopped'
    | 'removed'
    | 'scaled_down'
    | 'cleared'
    | 'rerouted'
    | 'repaired';
  /** How long the old instance was gone before the new one was ready, where the update stops first. */
  readonly downtimeMs?: number;
}

/** What a deploy tells while it runs. `end` comes exactly once and last. */
export type DeployEvent =
  | { readonly type: 'issue'; readonly issue: WireIssue }
  /** For these services something is under way already, which comes to an end, or to a safe point, first. */
  | { readonly type: 'waiting'; readonly services: readonly string[] }
  | {
      readonly type: 'plan';
      readonly steps: readonly WireStep[];
      readonly unchanged: readonly string[];
      readonly blocked: readonly { readonly service: string; readonly reasons: readonly string[] }[];
    }
  | {
      readonly type: 'step';
      readonly step: WireStep;
      readonly state: 'started' | 'done' | 'failed' | 'skipped';
      /** Duration in milliseconds, once it is over. */
      readonly ms?: number;
      readonly detail?: string;
    }
  | {
      readonly type: 'end';
      readonly outcome: DeployOutcome;
      readonly changed: readonly WireChange[];
      readonly unchanged: readonly string[];
      readonly failures: readonly WireFailure[];
      /** Calls to the engine that could change something. */
      readonly mutatingCalls: number;
      readonly ms: number;
      /** Why it was refused or cancelled, when it was. */
      readonly message?: string;
      /** Id of the deploy, which the server's log and the labels of the containers it made carry too. */
      readonly operation?: string;
    };

/**
 * `rolled_back`: the last deploy failed, and the revision before it runs again; `crash_loop`:
 * it ends again and again, and is given ever longer rests.
 */
export type ServiceHealth =
  | 'running'
  | 'starting'
  | 'degraded'
  | 'rolled_back'
  | 'crash_loop'
  | 'stopped'
  | 'failed'
  | 'missing';

export interface ServiceStatus {
  readonly name: string;
  readonly project: string;
  readonly image: string;
  readonly status: ServiceHealth;
  readonly desiredReplicas: number;
  readonly runningReplicas: number;
  readonly domains: readonly string[];
  readonly dependsOn: readonly string[];
  /** Whether the running containers are what the files on disk ask for now. */
  readonly upToDate: boolean;
  readonly paused: boolean;
  /** Names of secrets that have another value than when it was deployed. */
  readonly staleSecrets: readonly string[];
  /** ISO time the current container started. */
  readonly startedAt: string | undefined;
  /** Why it is not running as desired, in words. */
  readonly lastFailure: string | undefined;
}

export interface ClusterStatus {
  readonly cluster: string;
  readonly version: string;
  readonly root: string;
  /** Set when the engine cannot be asked: the services are then unknown, not gone. */
  readonly runtimeError: string | undefined;
  /** Why the server is to be restarted, and how: cluster.toml is another than when it started. */
  readonly needsRestart: string | undefined;
  /** Faults of the files on disk; the services shown are those of the last good ones. */
  readonly issues: readonly WireIssue[];
  readonly services: readonly ServiceStatus[];
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  /** The replica's slot. */
  readonly slot: number;
}

export interface LogsRequest {
  readonly service: string;
  /** Lines from the end. */
  readonly tail: number;
  readonly follow: boolean;
  /** Of what failed and was kept for its logs, rather than of what runs. */
  readonly failed?: boolean;
}

/** The certificate of one host, and what becomes of it. Times are ISO. */
export interface CertStatus {
  readonly host: string;
  /** `acme`: an authority is asked for it; `file`: the user brings it; `none`: there is nobody to ask. */
  readonly source: 'acme' | 'file' | 'none';
  /** `pending`: being obtained; `failed`: there is none, and the last try did not get one. */
  readonly state: 'none' | 'pending' | 'valid' | 'failed';
  readonly issuer: string | undefined;
  readonly serial: string | undefined;
  readonly notBefore: string | undefined;
  readonly notAfter: string | undefined;
  readonly daysLeft: number | undefined;
  readonly renewal: { readonly at: string; readonly why: string } | undefined;
  /** Also of a renewal, while the certificate before it serves. In the authority's own words. */
  readonly lastError: { readonly type: string; readonly detail: string; readonly at: string } | undefined;
  /** Failures in a row. */
  readonly failures: number;
  readonly nextTryAt: string | undefined;
  /** What of the certificate in service is not as it was asked for. */
  readonly warning: string | undefined;
  /** Why nothing is done for it. */
  readonly reason: string | undefined;
}

/** What is asked of services. */
export interface DeployPlane {
  deploy(request: DeployRequest, signal: AbortSignal): AsyncIterable<DeployEvent>;
  stop(request: StopRequest, signal: AbortSignal): AsyncIterable<DeployEvent>;
  status(signal: AbortSignal): Promise<ClusterStatus>;
  /** Throws `ApiError` with status 404 for a service that is not known. */
  logs(request: LogsRequest, signal: AbortSignal): AsyncIterable<LogLine>;
}

/** What is asked of certificates. */
export interface CertPlane {
  /** Of every domain of the services that are kept, by name. */
  certs(signal: AbortSignal): Promise<readonly CertStatus[]>;
  /** Asks for a new certificate now, whatever failed before; returns before it is there. 404 for a host that has none to renew. */
  renewCert(host: string, signal: AbortSignal): Promise<void>;
  /** Tells the authority that the certificate is not to be trusted any more; a new one follows. */
  revokeCert(host: string, signal: AbortSignal): Promise<void>;
}

/** The server implements it for real, the client over HTTP: tests and the CLI cannot tell. */
export interface ControlPlane extends DeployPlane, CertPlane {
  /** What can be measured, in Prometheus' text format. */
  metrics(signal: AbortSignal): Promise<string>;
}
