/** What a checker needs to know of a service in `orca status --json`. */
export interface ServiceState {
  readonly name: string;
  readonly status: string;
  readonly desiredReplicas: number;
  readonly upToDate: boolean;
  readonly paused: boolean;
  readonly lastFailure: string | undefined;
}

export const parseStatus = (json: string): readonly ServiceState[] => {
  const status: unknown = JSON.parse(json);
  const services = get(status, 'services');
  if (!Array.isArray(services)) throw new Error(`not a status: ${json}`);
  return services.map((service: unknown) => ({
    name: String(get(service, 'name')),
    status: String(get(service, 'status')),
    desiredReplicas: Number(get(service, 'desiredReplicas')),
    upToDate: get(service, 'upToDate') === true,
    paused: get(service, 'paused') === true,
    lastFailure: textOf(get(service, 'lastFailure')),
  }));
};

const get = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
