/** validAlias reports whether KMS takes a name after alias/; those of AWS are not to be made. */
export const validAlias = (name: string) => /^[\w/-]{1,250}$/.test(name) && !name.startsWith('aws/');
