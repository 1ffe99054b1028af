/** validName reports whether IAM takes a name: of users and roles up to 64 characters, of groups and policies 128. */
export const validName = (name: string, most = 64) => /^[\w+=,.@-]+$/.test(name) && name.length <= most;
