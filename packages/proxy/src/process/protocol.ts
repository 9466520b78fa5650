/**
 * Raised with every change that another version would not understand, of any message between the
 * processes. What versions replace one another by never changes: docs/decisions/054.
 */
export const protocol = 1;
