export interface ImageReference {
  /** With the tag written out: without one the engine would pull every tag there is. */
  readonly text: string;
  /** Host of the registry, `docker.io` when the text names none. */
  readonly registry: string;
  /** A digest, or a tag other than `latest`: what it names is expected to stay the same. */
  readonly isImmutable: boolean;
}

/** Reads `registry.example.com:5000/team/app:1.2` and its shorter forms. */
export const parseReference = (image: string): ImageReference => {
  const [first = ''] = image.split('/');
  const hasRegistry = image.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  const registry = hasRegistry ? first : 'docker.io';
  if (image.includes('@')) return { text: image, registry, isImmutable: true };
  const tag = image.slice(image.lastIndexOf('/') + 1).split(':')[1];
  return {
    text: tag === undefined ? `${image}:latest` : image,
    registry,
    isImmutable: tag !== undefined && tag !== 'latest',
  };
};
