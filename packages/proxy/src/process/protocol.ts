/** Raised with every change that another version would not understand, of any message between the processes. */
export const protocol = 1;
